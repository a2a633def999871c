"""Language models of folders: the real classes, whole or cut, with the weights that lie there."""

from __future__ import annotations

import json

import pytest
import torch
import transformers
from tokenizers import Tokenizer

from distilscope.models import weights
from distilscope.models.build import build
from distilscope.models.folder_settings import described, parameters
from distilscope.models.weight_files import WeightsError
from tests import hub_folders

BUILDER = "distilscope.models.folders:build"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return hub_folders.write_model(tmp_path_factory.mktemp("hub") / "model")


def vocabulary(folder):
    return Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()


def loaded(folder, first=0, last=0, **changes):
    settings = described({"folder": str(folder), "first": first, "last": last})
    model = build({"builder": BUILDER, "settings": {**settings, **changes}}, vocabulary(folder))
    weights.load_into(model, folder)
    return model.eval()


def by_transformers(folder, keep=None):
    """The library's own way: the whole model, its layers taken out of the list by hand."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")
    if keep is not None:
        model.model.layers = torch.nn.ModuleList(model.model.layers[layer] for layer in keep)
    return model.eval()


TOKENS = torch.tensor([[5, 3, 9, 100, 7], [8, 8, 2, 1, 0]])


def test_logits_are_those_of_transformers_without_rows_that_are_no_tokens(folder):
    model = loaded(folder)
    with torch.no_grad():
        expected = by_transformers(folder)(input_ids=TOKENS).logits
        found = model(TOKENS)
    assert expected.shape[-1] == found.shape[-1] + 2
    torch.testing.assert_close(found, expected[..., :-2])
    attention = model.network.model.layers[0].self_attn
    assert attention.k_proj.out_features * 2 == attention.q_proj.out_features
    assert model.network.config.rope_parameters["rope_theta"] == 100000.0


def test_a_cut_has_the_first_and_the_last_layers_of_the_folder(folder):
    model = loaded(folder, first=2, last=1)
    with torch.no_grad():
        expected = by_transformers(folder, keep=[0, 1, 5])(input_ids=TOKENS, use_cache=False).logits
        torch.testing.assert_close(model(TOKENS), expected[..., :-2])


@pytest.mark.parametrize("tied", [True, False])
def test_what_is_kept_of_a_model_is_loaded_again(tmp_path, tied):
    folder = hub_folders.write_model(tmp_path / "model", tie_word_embeddings=tied)
    model = loaded(folder, first=1, last=1)
    weights.save(model, tmp_path / "weights.safetensors")
    again = loaded(folder, first=1, last=1)
    with torch.no_grad():
        for parameter in again.parameters():
            parameter.zero_()
        weights.load_into(again, tmp_path / "weights.safetensors")
        assert torch.equal(again(TOKENS), model(TOKENS))


def test_a_qwen_with_biases_and_a_layer_type_each_is_built_too(tmp_path):
    folder = hub_folders.write_model(
        tmp_path / "qwen", model_type="qwen2", layer_types=["full_attention"] * 6
    )
    model = loaded(folder, first=2, last=2)
    assert model.network.config.layer_types == ["full_attention"] * 4
    with torch.no_grad():
        expected = by_transformers(folder, keep=[0, 1, 4, 5])(input_ids=TOKENS, use_cache=False)
        torch.testing.assert_close(model(TOKENS), expected.logits[..., :-2])


def test_a_folder_that_is_not_there_is_told_what_to_put_where(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"put the model there \(config.json.*hf download"):
        described({"folder": str(tmp_path / "none"), "first": 0, "last": 0})


@pytest.mark.parametrize(
    ("changes", "kept", "said"),
    [
        ({"auto_map": {"AutoModelForCausalLM": "x.Y"}}, (0, 0), "none is run.*allow_code: true"),
        ({"auto_map": {}}, (0, 0), "where transformers has 'llama' itself, take `auto_map` out"),
        ({"model_type": None}, (0, 0), "has no `model_type`"),
        ({}, (4, 3), "has 6 layers: `first` 4 and `last` 3 are more"),
    ],
)
def test_what_a_folder_can_not_say_is_refused_before_anything_runs(tmp_path, changes, kept, said):
    (tmp_path / "config.json").write_text(json.dumps({**hub_folders.LLAMA, **changes}))
    with pytest.raises(ValueError, match=said):
        described({"folder": str(tmp_path), "first": kept[0], "last": kept[1]})


@pytest.mark.parametrize(
    ("kind", "said"),
    [("no-such-model", "knows no model of kind 'no-such-model'"), ("vit", "it gives no text")],
)
def test_what_is_no_language_model_of_transformers_is_refused(kind, said):
    settings = {"configuration": {"model_type": kind}, "kept": None}
    with pytest.raises(ValueError, match=said):
        build({"builder": BUILDER, "settings": settings}, 20)


def test_a_vocabulary_smaller_than_the_tokenizers_is_refused(folder):
    settings = described({"folder": str(folder), "first": 0, "last": 0})
    with pytest.raises(ValueError, match="they don't belong together"):
        build({"builder": BUILDER, "settings": settings}, vocabulary(folder) + 3)


def test_a_folder_without_safetensors_is_refused(tmp_path, folder):
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(WeightsError, match="name the weights file in it, or put safetensors"):
        weights.load_into(loaded(folder), tmp_path)


@pytest.mark.parametrize(
    ("published", "width", "inner", "layers", "vocabulary", "tied"),
    [
        (134_515_008, 576, 1536, 30, 49_152, True),  # SmolLM2-135M
        (494_032_768, 896, 4864, 24, 151_936, True),  # Qwen2.5-0.5B
        (1_235_814_400, 2048, 8192, 16, 128_256, True),  # Llama-3.2-1B
        (8_030_261_248, 4096, 14_336, 32, 128_256, False),  # Llama-3.1-8B
    ],
)
def test_parameters_are_counted_from_the_description_rather_too_many(
    published, width, inner, layers, vocabulary, tied
):
    own = {
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "vocab_size": vocabulary,
        "tie_word_embeddings": tied,
    }
    assert published <= parameters({"configuration": own}) <= 1.15 * published
