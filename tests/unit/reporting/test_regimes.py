from dataclasses import replace

import numpy as np
import pytest

from distilscope import store
from distilscope.analyses.sweeps.regimes import Regime, ladder
from distilscope.reporting import figures, style

from .made_models import Made
from .made_parts import build_parted, ladder_models

LABELS, LOW = Regime(0.0, None), Regime(0.9, 1.0)
MILD, STRONG = Regime(0.5, 4.0), Regime(0.9, 4.0)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return build_parted(tmp_path_factory.mktemp("parted"))


@pytest.fixture(scope="module")
def drawn(study):
    return figures.draw("regimes", study.tables())


def accuracy(study, *ids):
    rows = store.read_table(study.folder / "tables" / "measures.parquet")
    rows = rows[(rows["measure"] == "accuracy") & rows["model"].isin(ids)]
    return float(rows["value"].mean())


def marks(figure, marker="o", panel=0):
    """(x, y) -> (edge, fill) of every single mark of a panel."""
    return {
        (float(line.get_xdata()[0]), float(line.get_ydata()[0])): (
            line.get_markeredgecolor(),
            line.get_markerfacecolor(),
        )
        for line in figure.axes[panel].lines
        if line.get_marker() == marker and len(line.get_xdata()) == 1
    }


def test_students_go_from_the_largest_and_regimes_from_labels_only_by_T_and_weight(study):
    found = ladder(study.tables())
    assert found.students == ("own", "small", "tiny")
    assert found.regimes == (LABELS, LOW, MILD, STRONG)


def test_seeds_of_a_regime_are_one_condition(study):
    found = ladder(study.tables())
    assert found.at("small", MILD).models == ("small-kd-T4-a0.5-s1", "small-kd-T4-a0.5-s2")
    assert found.at("tiny", LOW).models == ("tiny-kd-T1-a0.9-s1",)
    assert found.at("small", LOW) is None


def test_the_twin_stands_for_labels_only_at_the_teachers_own_network(study):
    found = ladder(study.tables())
    assert found.retrained == "own"
    assert found.at("own", LABELS).models == ("twin-s2",)
    assert found.at("tiny", LABELS).models == ("tiny-ce-s1", "tiny-ce-s2")


def test_no_twin_stands_in_where_the_own_network_was_trained_on_labels(tmp_path):
    trained = Made("own-ce-s1", "control", "own", None, None, 0.7)
    found = ladder(build_parted(tmp_path, [*ladder_models(), trained]).tables())
    assert found.retrained is None
    assert found.at("own", LABELS).models == ("own-ce-s1",)


def test_without_a_twin_nothing_stands_in(study):
    tables = study.tables()
    tables = replace(tables, models=tables.models[tables.models["role"] != "twin"])
    found = ladder(tables)
    assert (found.retrained, found.at("own", LABELS)) == (None, None)


def test_students_of_one_weight_are_no_ladder_and_no_figure_is_planned(tmp_path):
    strong = [made for made in ladder_models() if made.alpha != 0.5]
    study = build_parted(tmp_path, strong)
    assert ladder(study.tables()) is None
    ladders = {"regimes", "logit-table", "part-alignment", "part-focus"}
    assert ladders.isdisjoint(study.settings["figures"])


def test_weights_are_spelled_as_both_studies_spell_them():
    assert STRONG.words == "α = 0.9 (hard-label weight 0.1), T = 4"
    assert (LABELS.short, MILD.short) == ("labels only", "α=0.5, T=4")


def test_accuracy_is_the_mean_over_seeds_of_each_condition_and_the_teachers_line(study, drawn):
    figure, numbers = drawn
    values = numbers.set_index("model")["value"]
    wanted = accuracy(study, "small-kd-T4-a0.5-s1", "small-kd-T4-a0.5-s2")
    assert values["small T=4 α=0.5"] == pytest.approx(wanted)
    assert values["Twin"] == pytest.approx(accuracy(study, "twin-s2"))
    levels = [line.get_ydata()[0] for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    assert levels == pytest.approx([accuracy(study, "teacher-s1")])


def test_every_condition_has_a_mark_in_the_group_of_its_student(study, drawn):
    figure, _ = drawn
    wanted = {
        (0, style.GREY): accuracy(study, "twin-s2"),
        (0, figures_colour(0)): accuracy(study, "own-kd-T4-a0.5-s1", "own-kd-T4-a0.5-s2"),
        (1, style.ORANGE): accuracy(study, "small-ce-s1", "small-ce-s2"),
        (1, figures_colour(1)): accuracy(study, "small-kd-T4-a0.9-s1", "small-kd-T4-a0.9-s2"),
        (2, style.ORANGE): accuracy(study, "tiny-ce-s1", "tiny-ce-s2"),
    }
    found = {(round(x), edge): y for (x, y), (edge, fill) in marks(figure).items() if edge == fill}
    assert {key: found[key] for key in wanted} == pytest.approx(wanted)
    assert len(marks(figure)) == 3 + 3 + 4
    labels = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert labels == ["own", "small", "tiny"]


def figures_colour(place):
    """Of the weights from the least: 0.5 and 0.9."""
    return (style.SKY, style.BLUE)[place]


def test_marks_of_a_group_stand_in_the_order_of_the_regimes(drawn):
    figure, _ = drawn
    places = {edge + fill: x for (x, _), (edge, fill) in marks(figure).items() if round(x) == 2}
    order = [style.ORANGE * 2, style.BLUE + "white", style.SKY * 2, style.BLUE * 2]
    assert sorted(places, key=places.get) == order
    assert np.ptp(list(places.values())) == pytest.approx(0.72)


def test_only_marks_at_the_rarer_temperature_are_hollow(study, drawn):
    figure, _ = drawn
    hollow = [place for place, (_, fill) in marks(figure).items() if fill == "white"]
    ((x, y),) = hollow
    assert round(x) == 2
    assert y == pytest.approx(accuracy(study, "tiny-kd-T1-a0.9-s1"))


def test_the_legend_has_each_regime_once_the_twin_and_the_teacher(drawn):
    words = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert words == [
        "labels only (hard-label weight 1)",
        "α = 0.9 (hard-label weight 0.1), T = 1",
        "α = 0.5 (hard-label weight 0.5), T = 4",
        "α = 0.9 (hard-label weight 0.1), T = 4",
        "the teacher's network retrained",
        "the teacher",
    ]
