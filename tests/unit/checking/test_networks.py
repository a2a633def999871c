"""What fails after a training, or is silently wrong, is found by the job before any training."""

from __future__ import annotations

import copy

import pytest
import torch

from distilscope import store
from distilscope.checking.faults import too_few
from distilscope.checking.networks import check
from distilscope.models.build import ModelError, build
from distilscope.models.weights import save
from distilscope.planning.job import Job
from distilscope.training.objectives import ce

from ..observing.making import CLASSES, PLAIN, PLAIN_LAYERS, write_dataset
from .faulty import (
    AlwaysDrops,
    BatchOfNumbers,
    Counts,
    Detached,
    Frozen,
    InPlace,
    LogSoftmax,
    NoRunningStatistics,
    NotFinite,
    OneCell,
    SeedsItself,
    SharedRelu,
    Sigmoid,
    Small,
    Softmax,
    Swin,
    TupleWhileTraining,
    Views,
    Weightless,
)

RECIPE = {
    "epochs": 2,
    "batch": 6,
    "optimizer": {
        "name": "sgd", "lr": 0.05, "momentum": 0.9, "weight_decay": 5e-4, "nesterov": True
    },
    "schedule": {"name": "cosine", "warmup_epochs": 0, "milestones": [], "gamma": 0.1},
    "views": {"policy": "crop-flip", "pad": 1, "tabulated": 2},
}  # fmt: skip
OBSERVED = {
    "layers": {"late": "features"},
    "explained": ["late"],
    "head": None,
    "preprocessing": None,
    "probes": [{"name": "t", "split": "test", "contents": ["logits", "saliency", "features"]}],
    "methods": ["gradcam", "integrated-gradients", "saliency"],
    "subset": {"images": 12, "seed": 0},
    "ig_steps": 64,
    "ig_maximum_steps": None,
    "gram_batch": 8,
    "reductions": ["flatten", "gap"],
    "threads": 1,
}


def network(factory=Small, recipe=None, given=None, randomised=(), **observed):
    """What the job gets of a network; `recipe` replaces keys of RECIPE, `given` are weights."""
    architecture = factory
    if not isinstance(factory, dict):
        architecture = {"builder": f"{factory.__module__}:{factory.__name__}", "settings": {}}
    if given:
        model = {"kind": "given", "architecture": architecture, "preprocessing": None}
    else:
        model = {
            "kind": "trained",
            "architecture": architecture,
            "init": {"from": "random"},
            "seed": 0,
            "precision": "fp32",
            "threads": 1,
            "recipe": {**copy.deepcopy(RECIPE), **(recipe or {})},
            "objective": ce.OBJECTIVE.settings({}),
        }
    observation = {**OBSERVED, "architecture": architecture, **observed}
    settings = {"model": model, "observation": observation, "randomised": list(randomised)}
    files = {"weights_file": str(given)} if given else {}
    return settings, {"names": ["mine"], "files": files}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("data") / "dataset")


@pytest.fixture
def trial(dataset, tmp_path):
    """Check networks and return the facts."""

    def run(*networks):
        job = Job(
            kind="networks",
            slug="check",
            identity="0123456789ab",
            settings={"networks": [settings for settings, _ in networks]},
            inputs={"dataset": str(dataset)},
            folder=tmp_path / "check",
            information={"entries": [entry for _, entry in networks]},
        )
        check(job)
        return store.read_json(job.folder / "run.json")["facts"]

    return run


def weights_of(factory, tmp_path):
    """A file with weights of a network."""
    architecture = {"builder": f"{factory.__module__}:{factory.__name__}", "settings": {}}
    save(build(architecture, CLASSES), tmp_path / "given" / "mine.safetensors")
    return tmp_path / "given" / "mine.safetensors"


def test_a_network_that_is_in_order_passes_and_what_was_checked_is_said(trial, caplog):
    caplog.set_level("INFO")
    facts = trial(network(head="fc", randomised=["features.0", "fc"]))
    assert facts["shapes"] == {"mine": {"late": [6, 7, 7]}}
    assert facts["notes"] == []
    said = "; ".join(facts["checked"]["mine"])
    for words in (
        "a training step of 6 images in fp32",
        "the same alone and within a batch",
        "maps at late with the closed form over the head fc",
        "integrated-gradients",
        "random weights in features.0, fc",
    ):
        assert words in said
        assert words in caplog.text


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_network_of_the_catalogue_passes_in_each_precision(trial, precision):
    networks = network(PLAIN, layers=PLAIN_LAYERS, explained=["block3", "block2"], head="head")
    networks[0]["model"]["precision"] = precision
    assert trial(networks)["notes"] == []


def test_a_swin_transformer_passes_with_its_channels_turned(trial):
    facts = trial(network(Swin, layers={"late": "features.1"}, methods=["gradcam", "saliency"]))
    assert facts["shapes"]["mine"] == {"late": [12, 4, 4]}


@pytest.mark.parametrize(
    ("networks", "said"),
    [
        (network(head="fcc"), "head: Small has no module 'fcc'"),
        (network(OneCell, head="features.0"), "is a Conv2d, not a linear layer"),
        (network(SharedRelu, layers={"late": "relu"}), r"layer 'late' \(relu\) is called 2 times"),
        (network(Views), r"view size is not compatible.*write `x.flatten\(1\)`"),
        (network(TupleWhileTraining), "returns a tuple while it trains; it must return the logits"),
        (network(InPlace), r"integrated-gradients at the input failed.*`x = x - 0.5`"),
        (network(recipe={"views": {**RECIPE["views"], "tabulated": 1000}}),
         "views.per_image is 1000 and the policy has 18 views"),
        (network(recipe={"schedule": {"name": "cosine", "warmup_epochs": 1.99}}),
         "a warm-up of 1.99 epochs leaves nothing of 2 epochs"),
        (network(BatchOfNumbers, recipe={"batch": 1}), "give the recipe a larger `batch`"),
        (network({**PLAIN, "settings": {"widths": [6, 8], "pools": [1, 2, 3]}}),
         "`pools` names block 3; blocks are 1 to 2"),
        (network(Softmax), r"returns probabilities.*`probabilities: true`"),
        (network(AlwaysDrops), "other logits each time.*training=self.training"),
        (network(Counts), "other logits each time.*a state that it keeps"),
        (network(NoRunningStatistics), "depend on the other images.*track_running_stats=False"),
        (network(Frozen), "a training step failed: element 0 of tensors does not require grad"),
        (network(Detached), "integrated-gradients at the input failed.*look for `detach"),
        (network(NotFinite), "the loss became nan"),
        (network(layers={"late": "fetures"}), "no module 'fetures'; did you mean 'features'"),
        (network(Weightless, randomised=["act"]), "module 'act' has no weights to randomise"),
        (network(gram_batch=3), "`gram_batch` is 3"),
        (network(explained=["early"]), "unknown explained layer 'early'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_would_fail_later_is_refused_with_the_networks_name(trial, tmp_path, networks, said):
    with pytest.raises(ModelError, match=f"(?s)^mine: .*{said}"):
        trial(networks)
    assert not (tmp_path / "check" / "run.json").exists()


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        (Softmax, "returns probabilities"),
        (AlwaysDrops, "other logits each time"),
        (NoRunningStatistics, "depend on the other images"),
    ],
)
def test_models_that_are_given_are_tried_with_their_own_weights(trial, tmp_path, factory, said):
    with pytest.raises(ModelError, match=said):
        trial(network(factory, given=weights_of(factory, tmp_path)))


def test_weights_that_do_not_fit_are_found_before_any_training(trial, tmp_path):
    with pytest.raises(ModelError, match=r"mine: .*of another shape: fc\.weight"):
        trial(network(Views, given=weights_of(Small, tmp_path)))


def test_an_in_place_change_of_the_input_is_no_fault_where_nothing_explains_it(trial):
    assert trial(network(InPlace, methods=["gradcam"]))["notes"] == []


def test_initial_weights_that_no_seed_changes_are_a_warning(trial):
    (warning,) = trial(network(SeedsItself))["notes"]
    assert warning.startswith("mine: its initial weights are the same for every seed")


def test_one_image_a_batch_is_a_warning_where_batch_normalisation_can_take_it(trial):
    (warning,) = trial(network(recipe={"batch": 1}))["notes"]
    assert warning.startswith("mine: it has batch normalisation and is trained with `batch: 1`")


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        (Sigmoid, "all its outputs are between 0 and 1"),
        (LogSoftmax, "it returns log-probabilities"),
        (OneCell, "layer 'late' is a single cell at 16 pixels"),
    ],
)
def test_what_is_suspected_is_a_warning_in_log_and_record(trial, tmp_path, caplog, factory, said):
    (warning,) = trial(network(factory, given=weights_of(factory, tmp_path)))["notes"]
    assert warning.startswith(f"mine: {said}")
    assert warning in caplog.text


def test_fewer_test_images_than_a_gram_has_are_a_warning_under_the_keys_name(trial):
    (warning,) = trial(network(gram_batch=200))["notes"]
    assert warning.startswith("`observe.gram_batch` is 200 and there are 30 test images")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (30, "there are 30 test images: no Gram is made and no CKA measured; give 30 or less"),
        (3, "there are 3 test images: no Gram is made and no CKA measured; debiased CKA needs 4"),
        (1, "there is 1 test image: no Gram"),
    ],
)
def test_what_is_said_of_too_few_images_would_be_accepted(number, said):
    assert said in too_few(200, number, "test image")


def test_where_no_analysis_asks_for_features_nothing_is_said_of_grams(trial):
    probes = [{"name": "t", "split": "test", "contents": ["logits", "saliency"]}]
    assert trial(network(gram_batch=200, probes=probes))["notes"] == []


def test_all_networks_are_tried_and_each_fault_is_told(trial):
    first, second = network(Softmax), network(head="fcc")
    second[1]["names"] = ["other", "another"]
    with pytest.raises(ModelError, match=r"mine: it returns prob(?s:.*)\nother, another: .*'fcc'"):
        trial(first, network(), second)


def test_the_generators_of_the_process_are_left_alone(trial):
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    trial(network())
    assert torch.equal(torch.rand(2), expected)
