"""Several models that answer as one, against the means worked out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn

from distilscope.models.combined import Combined


class Says(nn.Module):
    """A model that says the same logits of every input."""

    def __init__(self, *logits):
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, inputs):
        return self.logits.expand(len(inputs), -1)


ONE, OTHER = (2.0, -1.0, 0.5), (-30.0, 40.0, 3.0)
INPUTS = torch.zeros(2, 1)


def test_logits_are_the_mean_of_the_members():
    found = Combined([Says(*ONE), Says(*OTHER)], "logits")(INPUTS).numpy()
    assert found == pytest.approx(np.tile(np.mean([ONE, OTHER], axis=0), (2, 1)))


def test_the_softmax_is_the_mean_of_the_members_probabilities():
    found = softmax(Combined([Says(*ONE), Says(*OTHER)], "probabilities")(INPUTS).numpy(), axis=1)
    wanted = (softmax(ONE) + softmax(OTHER)) / 2
    assert found == pytest.approx(np.tile(wanted, (2, 1)), abs=1e-6)


@pytest.mark.parametrize("how", ["logits", "probabilities"])
def test_members_of_other_classes_are_refused(how):
    together = Combined([Says(*ONE), Says(0.0, 1.0)], how)
    with pytest.raises(ValueError, match=r"\[2, 3\] classes; they must agree"):
        together(INPUTS)


def test_one_member_and_another_way_are_refused():
    with pytest.raises(ValueError, match="two members or more, got 1"):
        Combined([Says(*ONE)], "logits")
    with pytest.raises(ValueError, match="logits or probabilities, not by 'votes'"):
        Combined([Says(*ONE)] * 2, "votes")
