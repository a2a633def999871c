"""Networks with one fault each, and one that is in order."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models.swin_transformer import SwinTransformer


class Small(nn.Module):
    """A network that is in order; the others below have one fault each."""

    def __init__(self, classes, channels):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU()
        )
        self.fc = nn.Linear(6, classes)

    def forward(self, images):
        return self.fc(self.features(images).mean(dim=(2, 3)))


class SharedRelu(Small):
    def __init__(self, classes, channels):
        super().__init__(classes, channels)
        self.relu = nn.ReLU()

    def forward(self, images):
        return self.fc(self.relu(self.relu(self.features(images))).mean(dim=(2, 3)))


class Views(Small):
    def __init__(self, classes, channels):
        super().__init__(classes, channels)
        self.fc = nn.Linear(6 * 7 * 7, classes)

    def forward(self, images):
        return self.fc(self.features(images).view(len(images), -1))


class TupleWhileTraining(Small):
    def forward(self, images):
        logits = super().forward(images)
        return (logits, logits) if self.training else logits


class InPlace(Small):
    def forward(self, images):
        images -= 0.5
        return super().forward(images)


class Softmax(Small):
    def forward(self, images):
        return super().forward(images).softmax(dim=1)


class LogSoftmax(Small):
    def forward(self, images):
        return super().forward(images).log_softmax(dim=1)


class Sigmoid(Small):
    def forward(self, images):
        return super().forward(images).sigmoid()


class AlwaysDrops(Small):
    def forward(self, images):
        return self.fc(F.dropout(self.features(images).mean(dim=(2, 3))))


class NoRunningStatistics(Small):
    def __init__(self, classes, channels):
        super().__init__(classes, channels)
        self.features[1] = nn.BatchNorm2d(6, track_running_stats=False)


class BatchOfNumbers(Small):
    """Batch normalisation of a vector, which one image does not fill."""

    def __init__(self, classes, channels):
        super().__init__(classes, channels)
        self.norm = nn.BatchNorm1d(6)

    def forward(self, images):
        return self.fc(self.norm(self.features(images).mean(dim=(2, 3))))


class Counts(Small):
    """Keeps a state between passes."""

    def __init__(self, classes, channels):
        super().__init__(classes, channels)
        self.register_buffer("passes", torch.zeros(()))

    def forward(self, images):
        self.passes += 1
        return super().forward(images) + self.passes


class OneCell(Small):
    def __init__(self, classes, channels):
        super().__init__(classes, channels)
        self.features.append(nn.AdaptiveAvgPool2d(1))


class Weightless(Small):
    def __init__(self, classes, channels):
        super().__init__(classes, channels)
        self.act = nn.ReLU()

    def forward(self, images):
        return self.fc(self.act(self.features(images)).mean(dim=(2, 3)))


class Frozen(Small):
    def __init__(self, classes, channels):
        super().__init__(classes, channels)
        self.requires_grad_(False)


class Detached(Small):
    def forward(self, images):
        return super().forward(images.detach())


class SeedsItself(Small):
    def __init__(self, classes, channels):
        torch.manual_seed(0)
        super().__init__(classes, channels)


class NotFinite(Small):
    def forward(self, images):
        return super().forward(images) / 0


class Swin(SwinTransformer):
    def __init__(self, classes, channels):
        super().__init__([4, 4], 12, [2], [2], [2, 2], num_classes=classes)
