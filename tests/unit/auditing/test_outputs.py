"""What an audit makes of outputs that are no plain logits."""

import pytest
import torch

from distilscope.auditing import asking
from distilscope.models.build import build

from .made_audits import FACTORY, FIVE, options, pictures

ENDS_IN_SOFTMAX = FACTORY.replace(".mean((2, 3)))", ".mean((2, 3))).softmax(1)")
IN_A_MAPPING = FACTORY.replace("return self.fc", "return {'score': 0, 'logits': self.fc").replace(
    ".mean((2, 3)))", ".mean((2, 3)))}"
)


def of_a_factory(tmp_path, monkeypatch, name, source, *further):
    """What is asked of a network of five classes that a factory makes."""
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    torch.save(build({"builder": f"{name}:Net"}, 5).state_dict(), tmp_path / "a.pt")
    folder = pictures(tmp_path / "pictures", FIVE)
    typed = ["--teacher", f"{name}:Net={tmp_path / 'a.pt'}", "--images", folder, "--allow-code"]
    return asking.asked(options(*typed, "--compress", "prune=0.5", *further))


def test_a_network_that_ends_in_a_softmax_is_noticed_and_may_be_said_not_to(tmp_path, monkeypatch):
    asked = of_a_factory(tmp_path, monkeypatch, "softmax_net", ENDS_IN_SOFTMAX)
    assert asked.teacher.entry()["probabilities"] is True
    entry = ["--entry", "Net={probabilities: false}"]
    asked = of_a_factory(tmp_path / "again", monkeypatch, "softmax_net", ENDS_IN_SOFTMAX, *entry)
    assert asked.teacher.entry()["probabilities"] is False


def test_logits_give_no_word_of_probabilities(tmp_path, monkeypatch):
    asked = of_a_factory(tmp_path, monkeypatch, "logits_net", FACTORY)
    assert "probabilities" not in asked.teacher.entry()


def test_the_entry_of_the_logits_can_be_said_on_the_command_line(tmp_path, monkeypatch):
    entry = ["--entry", "{output: logits, explained: [conv]}"]
    asked = of_a_factory(tmp_path, monkeypatch, "mapping_net", IN_A_MAPPING, *entry)
    assert asked.teacher.entry()["output"] == "logits"
    assert asked.teacher.entry()["explained"] == ["conv"]
    with pytest.raises(ValueError, match=r"--entry 'Nat=\{a: 1\}' can't be read.*models are Net"):
        of_a_factory(
            tmp_path / "x", monkeypatch, "mapping_net", IN_A_MAPPING, "--entry", "Nat={a: 1}"
        )


@pytest.mark.parametrize(
    ("name", "output", "words"),
    [
        (
            "a_mapping",
            "{'maps': h, 'logits': z}",
            r"'maps' .2x4x32x32., .* '\{model\}=\{output: logits",
        ),
        ("a_pair", "(h, z)", r"a tuple of 0 .2x4x32x32., 1 .2x5., .* '\{model\}=\{output: 1\}'"),
        ("a_nest", "{'out': (h, z)}", r"'out' .tuple., .* none of them is: give a factory"),
        ("a_map", "h", r"puts out 2x4x32x32; expected logits, images x 5"),
    ],
)
def test_outputs_that_are_no_logits_are_refused_with_the_option_that_takes_them(
    tmp_path, monkeypatch, name, output, words
):
    """Before anything is computed, and in the words of the command line."""
    source = FACTORY.replace(
        "return self.fc(F.relu(self.conv(images)).mean((2, 3)))",
        f"""h = F.relu(self.conv(images))
        z = self.fc(h.mean((2, 3)))
        return {output}""",
    )
    with pytest.raises(ValueError, match=words.replace(r"\{model\}", "Net")):
        of_a_factory(tmp_path, monkeypatch, name, source)
