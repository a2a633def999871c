"""The shortcuts table of a made-up study, against the comparisons and against counting by hand."""

import dataclasses

import numpy as np
import pytest

from distilscope import store
from distilscope.analyses.shortcuts.measure import AREAS, Aligned, Place
from distilscope.measuring.tables import measure

from .made_models import STUDENT, TEACHER, Made
from .made_study import MadeStudy

TWINS = ("teacher-s2", "teacher-s3", "teacher-s4")
MODELS = (
    Made("teacher-s1", "teacher", TEACHER, accuracy=0.97),
    *(Made(name, "twin", TEACHER, own=0.9, noise=0.3, accuracy=0.97) for name in TWINS),
    Made("short-s1", "student", STUDENT, own=0.8, noise=0.4, T=4.0, alpha=0.9),
    Made("clean-s2", "student", STUDENT, own=0.8, noise=0.4, T=4.0, alpha=0.9, seed=2),
)
ELSEWHERE = 1  # the class in which short-s1 looks elsewhere
RULES = {"minimum": 20, "rate": 0.05, "permutations": 300, "seed": 0, "effect": 4.0}
RULES |= {"causal_effect": 0.8}
RESIDUALS = {"folds": 5, "minimum_class": 10, "seed": 0}


class _Elsewhere(MadeStudy):
    """`short-s1` has maps of noise in one class."""

    def maps(self, made, rows, classes, side, generator):
        found = super().maps(made, rows, classes, side, generator)
        if made.id == "short-s1":
            wrong = self.labels[rows] == ELSEWHERE
            noise = generator.standard_normal((int(wrong.sum()), 4, 4))
            found[wrong] = np.kron(noise, np.ones((1, side // 4, side // 4)))
        return found


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shortcuts")
    made = _Elsewhere(folder, MODELS, classes=5, images=500, subset=10).write()
    for name in ("short-s1", "clean-s2"):
        _made_probes(made, name)
    return made.compare_all()


def _made_probes(made, name):
    """Masked and patched logits: class 3 of short-s1 hangs on one spot, and its patch is class 1's.

    Of clean-s2 every class falls alike.
    """
    folder = made.folder / "probe-observations" / name
    own = store.read_table(made.observation(name) / "test/logits.parquet")
    logits, said = np.stack(own["logits"]), np.stack(own["logits"]).argmax(axis=1)
    rows = np.arange(len(own))
    for area, drop in zip(AREAS, (3.0, 3.0, 1.0), strict=True):
        covered = logits.copy()
        covered[rows, said] -= drop + 0.1 * np.random.default_rng(1).standard_normal(len(rows))
        if name == "short-s1" and area == "masked-top":
            covered[rows, said] -= np.where(made.labels == 3, 4.0, 0.0)
        made._write_logits(folder / f"p-{area}", covered, made.index, made.labels)
    off = np.where(made.labels == ELSEWHERE, 0, said)
    for state, classes in (("on", np.full(len(rows), ELSEWHERE)), ("off", off)):
        made._write_logits(folder / f"p-patch-{state}", np.eye(5)[classes], made.index, made.labels)
    defined = {f"{area}.defined": np.arange(len(rows)) % 50 != 0 for area in AREAS}
    store.write_tensors(made.folder / "masked/images.safetensors", defined)


def _audit(made, name, **changes):
    def place(model):
        return [str(made.observation(model)), "test"]

    twins = [{"id": t, "seen": place(t), "teacher_seen": place("teacher-s1")} for t in TWINS]
    who = dict.fromkeys(("condition", "role", "network", "arm", "planting"))
    return {
        **who,
        **{"model": name, "identity": name, "seed": 1, "planted_class": None},
        **{"teacher": "teacher-s1", "teacher_identity": "teacher-s1"},
        "layers": [next(iter(made.model(name).layers)), "layer4"],
        "seen": place(name),
        "teacher_seen": place("teacher-s1"),
        "twins": twins,
        "probe_observation": str(made.folder / "probe-observations" / name),
        "prefix": "p-",
        "masked": str(made.folder / "masked"),
        "patched": False,
        **changes,
    }


def _table(made, folder, *audits):
    settings = {"rules": RULES, "residuals": RESIDUALS, "image_size": made.size}
    settings |= {"method": "gradcam", "reliance": 0.2, "audits": list(audits)}
    others = dict.fromkeys(("outputs", "alignment", "representation"))
    job = made.tables_job(shortcuts=settings, **others)
    measure(dataclasses.replace(job, folder=folder))
    return store.read_table(folder / "shortcuts.parquet")


@pytest.fixture(scope="module")
def table(study, tmp_path_factory):
    planted = {"arm": "student", "planting": "p", "planted_class": ELSEWHERE, "patched": True}
    folder = tmp_path_factory.mktemp("tables")
    audits = _audit(study, "short-s1", **planted), _audit(study, "clean-s2", arm="none")
    return _table(study, folder, *audits), store.read_table(folder / "shortcut_rates.parquet")


def test_the_class_that_looks_elsewhere_is_flagged_and_no_other(table):
    rows = table[0][table[0]["detector"] == "alignment"]
    flagged = rows[rows["flagged"].astype(bool)]
    assert list(zip(flagged["model"], flagged["class"], strict=True)) == [("short-s1", ELSEWHERE)]
    assert len(rows) == 2 * 5


def test_the_class_that_hangs_on_one_spot_is_flagged_and_no_other(table):
    rows = table[0][table[0]["detector"] == "causal"]
    flagged = rows[rows["flagged"].astype(bool)]
    assert list(zip(flagged["model"], flagged["class"], strict=True)) == [("short-s1", 3)]
    assert flagged["value"].item() == pytest.approx(4.0, abs=0.1)


def test_alignment_is_the_image_specific_rho_of_the_comparison(study):
    images = study.images_of("short-s1")
    images = images[
        (images["method"] == "gradcam")
        & (images["layer"] == "block3")
        & (images["resolution"] == "input")
        & (images["explained"] == "reference")
    ].sort_values("index")
    places = (
        Place(study.observation("short-s1"), "test", "block3", "gradcam"),
        Place(study.observation("teacher-s1"), "test", "layer4", "gradcam"),
    )
    found = Aligned(study.size, **RESIDUALS).of(*places)
    assert found == pytest.approx(
        images["image_specific_rho_unit"].to_numpy(), abs=1e-6, nan_ok=True
    )


def test_masked_images_count_where_both_are_right_and_the_area_is_defined(study, table):
    outputs = {}
    for name in ("short-s1", "teacher-s1"):
        logits = store.read_table(study.observation(name) / "test/logits.parquet")["logits"]
        outputs[name] = np.stack(logits).argmax(axis=1) == study.labels
    usable = outputs["short-s1"] & outputs["teacher-s1"] & (np.arange(500) % 50 != 0)
    rows = table[0][(table[0]["detector"] == "causal") & (table[0]["model"] == "short-s1")]
    assert rows["n"].tolist() == np.bincount(study.labels[usable], minlength=5).tolist()


def test_reliance_is_what_the_patch_changes(table):
    row = table[0][table[0]["model"] == "short-s1"].iloc[0]
    # with the patch everything is class 1; without it class 1 is never said
    assert (row["accuracy_on"], row["accuracy_off"]) == (1.0, 0.0)
    assert row["drawn_on"] == 1.0
    assert row["drawn_off"] < 0.1
    assert row["relies"]
    other = table[0][table[0]["model"] == "clean-s2"]
    assert other["relies"].isna().all()


def test_rates_count_hits_and_false_alarms(table):
    rates = table[1].set_index(["arm", "detector", "rate", "of"])
    assert tuple(rates.loc[("student", "alignment", "hit", "plantings"), ["hits", "n"]]) == (1, 1)
    key = ("student", "alignment", "hit", "plantings relied on")
    assert tuple(rates.loc[key, ["hits", "n"]]) == (1, 1)
    # the causal flag of class 3 is a false alarm here: another class was planted
    assert tuple(rates.loc[("student", "causal", "hit", "plantings"), ["hits", "n"]]) == (0, 1)
    key = ("student", "causal", "false alarm", "classes")
    assert tuple(rates.loc[key, ["hits", "n"]]) == (1, 4)
    key = ("none", "alignment", "false alarm", "classes")
    assert tuple(rates.loc[key, ["hits", "n"]]) == (0, 5)
    assert ("none", "alignment", "hit", "plantings") not in rates.index


def test_with_fewer_than_three_twins_alignment_judges_nothing(study, tmp_path):
    audit = _audit(study, "short-s1")
    audit["twins"] = audit["twins"][:2]
    found = _table(study, tmp_path, audit)
    assert set(found["detector"]) == {"causal"}


def test_a_study_in_which_nothing_was_planted_has_no_table_of_rates(study, tmp_path):
    _table(study, tmp_path, _audit(study, "short-s1"))
    assert not (tmp_path / "shortcut_rates.parquet").exists()
