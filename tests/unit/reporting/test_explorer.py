"""The divergence explorer: what the page holds of images and maps."""

import base64
import io

import numpy as np
import pandas as pd
from PIL import Image

from distilscope.analyses.alignment.sections import explorer, pictures

from .conftest import explorer_data


def test_the_explorer_holds_the_tables_rows_pictures_and_maps(read_page, study):
    data, tables = explorer_data(read_page), study.tables()
    divergent = tables["divergent"]
    image = Image.open(io.BytesIO(base64.b64decode(data["atlas"].split(",")[1])))
    atlas = np.asarray(image.convert("RGB"))
    (model,) = [m for m in data["models"] if m["id"] == "tiny-kd-T4-a0.9-s1"]
    own = divergent[divergent["model"] == model["id"]].set_index("index")
    assert sorted(model["index"]) == sorted(own.index) and model["total"] == len(own)
    stored = np.frombuffer(base64.b64decode(model["maps"]), np.uint8).reshape(-1, 4, 4)
    for place, index in enumerate(model["index"]):
        row = own.loc[index]
        assert model["truth"][place] == row["label"]
        assert model["prediction"][place] == row["prediction"]
        shown = pictures.shown(row["map"], 4, 4)
        assert np.abs(stored[place] / 255 - shown).max() <= 0.5 / 255 + 1e-9
        x = model["picture"][place] % data["columns"] * data["width"]
        y = model["picture"][place] // data["columns"] * data["height"]
        tile = atlas[y : y + data["height"], x : x + data["width"]]
        assert (tile == tables.images[index]).all()


def test_an_undefined_rho_is_null_and_its_image_stays(read_page):
    data = explorer_data(read_page)
    for name in ("rho", "primary"):
        assert all(model[name].count(None) == 1 for model in data["models"])


def test_too_many_pictures_are_thinned_and_the_lowest_rho_kept(study, monkeypatch):
    monkeypatch.setattr(explorer, "PICTURE_BYTES", 28 * 28 * 0.8 * 200)
    tables = study.tables()
    divergent = tables["divergent"]
    packed = explorer.pack(tables, 200)
    for model in packed["models"]:
        kept, every = len(model["index"]), model["total"]
        assert kept == 200 // 9 < every == 60
        own = divergent[divergent["model"] == model["id"]]
        lowest = set(own.sort_values(["image_specific_rho_unit", "index"])["index"][:11])
        assert lowest <= set(model["index"])


def test_a_study_limits_the_images_of_the_explorer(study):
    packed = explorer.pack(study.tables(), 10)
    assert {len(model["index"]) for model in packed["models"]} == {10}
    assert explorer.pack(study.tables(), 0)["models"] == []


def test_a_model_with_two_references_is_shown_beside_its_own(study):
    """A compressed model has its original beside its teacher, with maps of another grid."""
    tables = study.tables()
    divergent = tables["divergent"]
    other = divergent.assign(reference="original", reference_grid_h=1, reference_grid_w=1)
    other["reference_map"] = [np.ones(1, np.float32)] * len(other)
    both = pd.concat([other, divergent], ignore_index=True)
    doubled = study.tables(own={**tables.own, "divergent": both})
    assert explorer.pack(doubled, 200) == explorer.pack(tables, 200)


def test_large_pictures_are_reduced_for_the_page(study):
    tables = study.tables()
    large = {
        index: np.kron(image, np.ones((5, 5, 1), np.uint8))
        for index, image in tables.images.items()
    }
    packed = explorer.pack(study.tables(images=large), 200)
    assert (packed["height"], packed["width"]) == (64, 64)


def test_a_study_without_images_to_explore_has_no_explorer(study):
    assert explorer.context(study.tables({"explorer": 0})) is None
    assert explorer.context(study.tables(images={})) is None
