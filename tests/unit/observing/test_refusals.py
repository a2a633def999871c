"""What can't be observed is refused with a sentence that says what is wrong."""

from __future__ import annotations

import pytest

from distilscope.observing.observe import observe

from .making import INDICES, LABELS, PLAIN, lively, write_model, write_reference


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"explained": ["block4"]}, "unknown explained layer 'block4'; did you mean"),
        (
            {"methods": ["grad-cam"]},
            "unknown explanation method 'grad-cam'; did you mean 'gradcam'",
        ),
        ({"reductions": ["max"]}, "unknown reduction 'max'; known are flatten, gap"),
        ({"explained": []}, "`explained` is empty"),
        ({"gram_batch": 3}, "`gram_batch` is 3"),
        ({"layers": {"block3": "blocks.block7"}, "explained": ["block3"]}, r"blocks\.block7"),
        ({"head": "classifier"}, "head: PlainNet has no module 'classifier'"),
        ({"explained": ["block2", "block1"]}, "doesn't give the model's logits"),
        ({"probes": [{"name": "t", "split": "test", "contents": ["map"]}]}, "content of a probe"),
    ],
)
def test_settings_that_cannot_be_observed_are_refused_with_what_is_wrong(
    make_job, settings, message
):
    job = make_job(**settings)
    with pytest.raises(ValueError, match=message):
        observe(job)
    assert not (job.folder / "run.json").exists()


def test_a_missing_setting_is_named(make_job):
    job = make_job()
    del job.settings["ig_steps"]
    with pytest.raises(ValueError, match="lack the key 'ig_steps'"):
        observe(job)


def test_a_reference_observed_on_other_images_is_refused(make_job, tmp_path):
    reference = write_reference(tmp_path / "short", INDICES[:-2], LABELS[:-2])
    with pytest.raises(ValueError, match=r"2 of 30 images of probe 'test' are missing.*index 156"):
        observe(make_job(references=(reference,)))


def test_logits_that_are_not_finite_are_refused_with_the_first_index(make_job, tmp_path):
    model = lively(PLAIN, seed=1)
    model.head.weight.data[2].fill_(3e38)
    write_model(tmp_path / "model", model)
    with pytest.raises(ValueError, match="probe 'test': 8 images have logits that are not finite"):
        observe(make_job())
