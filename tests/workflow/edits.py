"""Edits of the small study's configuration, each with the exact jobs that it must plan."""

from __future__ import annotations

from .clone import SMALL
from .editing import (
    ALL,
    CE,
    CHECK,
    DRAWN,
    FLOOR,
    KD,
    SHOWN,
    TEACHER,
    TINY,
    TWIN,
    Edit,
    aggregation,
    both,
    compared,
    observed,
    put,
    relabel,
    reverse_all_keys,
    swap,
    trained,
)
from .text_edits import OF_TEXTS

MEDIUM = {"architecture": "plain-medium", "recipe": "student"}
SECOND = {"architecture": "resnet18", "settings": {"width": 16}, "recipe": "teacher", "seeds": [1]}
OF_TEACHER = [f"model {TEACHER}", f"model {TWIN}", f"targets {TEACHER}"]
BELOW_TEACHER = [*OF_TEACHER, *trained(KD), *observed([TEACHER, TWIN, *CE, FLOOR])]
WITH_SEED_2 = [name.replace("-s1", "-s2") for name in [*KD, *CE, FLOOR]]
OPTIMIZER = ["recipes", "student", "optimizer"]
SCHEDULE = ["recipes", "student", "schedule"]
GRADCAM_ALONE = {"methods": ["gradcam"]}

MODELS = [
    Edit(
        "T added",
        put("grid", 0, "T", [2, 4, 8]),
        trained(["tiny-kd-T8-a0.9-s1", "small-kd-T8-a0.9-s1"]) + aggregation(),
        real=True,
    ),
    Edit("T removed", put("grid", 0, "T", [2]), aggregation()),
    Edit("T reordered", put("grid", 0, "T", [4, 2]), [], real=True),
    Edit("T twice", put("grid", 0, "T", [2, 4, 4]), []),
    Edit("T spelt 4.0", put("grid", 0, "T", [2.0, 4.0]), []),
    Edit("T spelt as text", put("grid", 0, "T", ["2e0", "4.00"]), []),
    Edit(
        "T swapped with alpha",
        put("grid", 0, {**SMALL["grid"][0], "T": 0.9, "alpha": 0.5}),
        trained(["tiny-kd-T0.9-a0.5-s1", "small-kd-T0.9-a0.5-s1"]) + aggregation(),
        first=put("grid", 0, {**SMALL["grid"][0], "T": 0.5, "alpha": 0.9}),
    ),
    Edit(
        "alpha added",
        put("grid", 0, "alpha", [0.5, 0.9]),
        trained([name.replace("a0.9", "a0.5") for name in KD]) + aggregation(),
    ),
    Edit(
        "alpha removed",
        put("grid", 0, "alpha", [0.9]),
        aggregation(),
        first=put("grid", 0, "alpha", [0.5, 0.9]),
    ),
    Edit(
        "alpha reordered",
        put("grid", 0, "alpha", [0.9, 0.5]),
        [],
        first=put("grid", 0, "alpha", [0.5, 0.9]),
    ),
    Edit("alpha 0 added: the control that is there", put("grid", 0, "alpha", [0, 0.9]), SHOWN),
    Edit(
        "two alphas that differ in the eighth digit",
        put("grid", 0, "alpha", [0.9, 0.90000001]),
        trained([name.replace("a0.9", "a0.90000001") for name in KD]) + aggregation(),
    ),
    Edit("seed added", put("seeds", [1, 2]), trained(WITH_SEED_2) + aggregation(), real=True),
    Edit("seed removed", put("seeds", [1]), aggregation(), first=put("seeds", [1, 2])),
    Edit("seeds reordered", put("seeds", [2, 1]), [], first=put("seeds", [1, 2]), real=True),
    Edit(
        "seed of one entry alone",
        put("grid", 1, "seeds", [1, 3]),
        trained(["tiny-ce-s3", "small-ce-s3"]) + aggregation(),
    ),
    Edit(
        "student added",
        both(
            put("students", "medium", MEDIUM),
            put("grid", 0, "students", ["tiny", "small", "medium"]),
        ),
        trained(["medium-kd-T2-a0.9-s1", "medium-kd-T4-a0.9-s1"]) + CHECK + aggregation(),
    ),
    Edit("student removed", put("grid", 0, "students", ["small"]), aggregation()),
    Edit("student listed in no entry", put("students", "medium", MEDIUM), SHOWN),
    Edit("students reordered", put("grid", 0, "students", ["small", "tiny"]), []),
    Edit("entries reordered", lambda raw: raw["grid"].reverse(), [], real=True),
    Edit(
        "an entry split in two",
        put("grid", [{**SMALL["grid"][0], "T": t} for t in (2, 4)] + SMALL["grid"][1:]),
        SHOWN,
    ),
    Edit(
        "teacher added, without students",
        put("teachers", "wide", SECOND),
        ["model wide-s1", "observation wide-s1", *CHECK, *aggregation()],
        real=True,
    ),
    Edit(
        "teacher removed",
        lambda raw: raw["teachers"].pop("wide"),
        CHECK + aggregation(),
        first=put("teachers", "wide", SECOND),
    ),
    Edit(
        "teacher of students added",
        both(put("teachers", "wide", SECOND), put("grid", 0, "teachers", ["resnet18", "wide"])),
        [f"{kind} wide-s1" for kind in ("model", "observation", "targets")]
        + trained(KD, "wide-s1")
        + [f"observation {m}" for m in [*CE, FLOOR]]  # they explain what both teachers say
        + [f"comparison {m}-vs-{t}" for m in [*CE, FLOOR] for t in (TEACHER, "wide-s1")]
        + CHECK
        + aggregation(),
    ),
    Edit(
        "teachers reordered: students learn from the first",
        lambda raw: raw.update(teachers=dict(reversed(raw["teachers"].items()))),
        [
            "targets wide-s1",
            *trained(KD, "wide-s1"),
            *observed([*CE, FLOOR], "wide-s1"),
            *aggregation(),
        ],
        first=put("teachers", "wide", SECOND),
    ),
    Edit(
        "an entry's teachers reordered",
        put("grid", 0, "teachers", ["wide", "resnet18"]),
        [],
        first=both(
            put("teachers", "wide", SECOND), put("grid", 0, "teachers", ["resnet18", "wide"])
        ),
    ),
    Edit(
        "teacher and twin swapped",
        swap(["teachers", "resnet18", "seeds"], ["teachers", "resnet18", "twins"]),
        [
            f"targets {TWIN}",
            *trained(KD, TWIN),
            *observed([TWIN, TEACHER, *CE, FLOOR], TWIN),
            *aggregation(),
        ],
        real=True,
    ),
    Edit(
        "twin added",
        put("teachers", "resnet18", "twins", [2, 3]),
        [f"{kind} resnet18-s3" for kind in ("model", "observation")]
        + compared([*ALL, "resnet18-s3"])
        + aggregation(),
    ),
    Edit(
        "twins reordered",
        put("teachers", "resnet18", "twins", [3, 2]),
        [],
        first=put("teachers", "resnet18", "twins", [2, 3]),
    ),
    Edit(
        "floor added",
        put("floors", ["tiny", "small"]),
        trained(["small-untrained-s1"]) + aggregation(),
    ),
    Edit("floor removed", put("floors", []), aggregation()),
    Edit("labels of a student and of the teacher", relabel, aggregation()),
]

SETTINGS = [
    Edit(
        "students' recipe",
        put(*OPTIMIZER, "lr", 0.05),
        trained(KD + CE) + CHECK + aggregation(),
    ),
    Edit("lr spelt 1e-1", put(*OPTIMIZER, "lr", "1e-1"), []),
    Edit(
        "one student's override",
        put("students", "tiny", "override", {"optimizer": {"lr": 0.05}}),
        trained([*TINY, "tiny-ce-s1"]) + CHECK + aggregation(),
        real=True,
    ),
    Edit(
        "an override that overrides nothing",
        put("students", "tiny", "override", {"epochs": 2}),
        SHOWN,
    ),
    Edit(
        "the teacher's recipe",
        put("recipes", "teacher", "epochs", 3),
        BELOW_TEACHER + CHECK + aggregation(),
    ),
    Edit("a recipe that nobody uses", put("recipes", "spare", SMALL["recipes"]["student"]), SHOWN),
    Edit(
        "lr and momentum swapped",
        swap([*OPTIMIZER, "lr"], [*OPTIMIZER, "momentum"]),
        trained(KD + CE) + CHECK + aggregation(),
    ),
    Edit(
        "epochs of teacher and student swapped",
        swap(["recipes", "teacher", "epochs"], ["recipes", "student", "epochs"]),
        BELOW_TEACHER + [f"model {m}" for m in CE] + CHECK + aggregation(),
        first=put("recipes", "teacher", "epochs", 3),
    ),
    Edit(
        "two students' architectures swapped: each is there, under the other's label",
        swap(["students", "tiny", "architecture"], ["students", "small", "architecture"]),
        trained([FLOOR]) + aggregation(),
    ),
    Edit("all keys reordered", reverse_all_keys, [], real=True),
    Edit(
        "views an image",
        put("recipes", "student", "views", {"per_image": 5}),
        [f"targets {TEACHER}", *trained(KD + CE), *CHECK, *aggregation()],
        real=True,
    ),
    Edit(
        "targets online",
        put("recipes", "student", "targets", "online"),
        trained(KD) + aggregation(),
    ),
    Edit(
        "steps of integrated gradients",
        put("observe", "ig_steps", 16),
        observed(ALL) + CHECK + aggregation(),
        real=True,
    ),
    Edit(
        "images explained",
        put("observe", "subset", {"images": 50}),
        observed(ALL) + CHECK + aggregation(),
    ),
    Edit(
        "gamma and milestones of a cosine", put(*SCHEDULE, {"gamma": 0.5, "milestones": [1]}), SHOWN
    ),
    Edit(
        "gamma of steps without a milestone",
        put(*SCHEDULE, "gamma", 0.5),
        SHOWN,
        first=put(*SCHEDULE, "name", "steps"),
    ),
    Edit(
        "gamma of steps",
        put(*SCHEDULE, "gamma", 0.5),
        trained(KD + CE) + CHECK + aggregation(),
        first=put(*SCHEDULE, {"name": "steps", "milestones": [1]}),
    ),
    Edit(
        "pad of unvaried views",
        put("recipes", "student", "views", "pad", 2),
        SHOWN,
        first=put("recipes", "student", "views", {"policy": "none"}),
    ),
    Edit(
        "what GradCAM alone does not take",
        put(
            "observe",
            {**GRADCAM_ALONE, "ig_steps": 16, "ig_maximum_steps": 64, "subset": {"seed": 3}},
        ),
        SHOWN,
        first=put("observe", GRADCAM_ALONE),
    ),
    Edit(
        "steps of integrated gradients beside saliency",
        put("observe", {"methods": ["saliency"], "ig_steps": 16}),
        SHOWN,
        first=put("observe", {"methods": ["saliency"]}),
    ),
    Edit(
        "an explanation method less",
        put("observe", "methods", ["gradcam"]),
        observed(ALL) + CHECK + aggregation(),
    ),
    Edit(
        "explanation methods reordered",
        put("observe", "methods", ["integrated-gradients", "saliency", "gradcam"]),
        [],
        real=True,
    ),
    Edit(
        "a measure's setting",
        put("analyses", "alignment", "top", 0.1),
        compared(ALL) + aggregation(),
    ),
    Edit(
        "folds and shuffles swapped",
        put("analyses", "alignment", {"folds": 30, "shuffles": 20}),
        compared(ALL) + aggregation(),
        first=put("analyses", "alignment", {"folds": 20, "shuffles": 30}),
    ),
    Edit("bins of calibration", put("analyses", "outputs", "ece_bins", 10), aggregation()),
    Edit("resamples", put("statistics", "bootstrap", 200), aggregation()),
    Edit("a figure's setting", put("report", "divergent", 6), DRAWN, real=True),
    Edit("the explorer's setting", put("report", "explorer", 150), aggregation()),
    Edit("scale in the titles", put("scale", "paper"), DRAWN),
    Edit("title", put("title", "Another title"), [], real=True),
    Edit("name", put("study", "renamed"), aggregation("renamed"), real=True),
    Edit("device", put("device", "auto"), []),
    Edit("where downloads lie", put("data_folder", "elsewhere"), []),
    Edit(
        "threads",
        put("threads", 2),
        [f"model {m}" for m in [TEACHER, TWIN, *KD, *CE]]
        + [f"targets {TEACHER}", *observed(ALL), *CHECK, *aggregation()],
    ),
    Edit(
        "precision",
        put("precision", "bf16"),
        [f"model {m}" for m in [TEACHER, TWIN, *KD, *CE]]
        + [
            f"targets {TEACHER}",
            *observed([TEACHER, TWIN, *KD, *CE, FLOOR]),
            *CHECK,
            *aggregation(),
        ],
    ),
    *(
        Edit(
            f"data: {name}",
            put("data", name, value),
            [
                "dataset fashion-mnist-subset",
                *trained(ALL),
                f"targets {TEACHER}",
                *CHECK,
                *aggregation(),
            ],
            real=name == "image_size",
        )
        for name, value in {
            "image_size": 40,
            "fit": "resize",
            "held_out": {"fraction": 0.2},
            "limit": {"train": 10},
        }.items()
    ),
]

EDITS = [*MODELS, *SETTINGS, *OF_TEXTS]
