from distilscope import store
from distilscope.reporting import formatting
from distilscope.reporting.runs import carried_grid, distinct, flatten, spent, warnings
from distilscope.store import accepted
from distilscope.workflow.provenance import collect


def run(kind, total, memory=100.0, **phases):
    return {
        "kind": kind,
        "seconds": {"total": total, **phases},
        "peak_memory_mb": memory,
        "machine": {"host": kind},
    }


def test_seconds_are_summed_by_kind_the_most_expensive_first():
    runs = [
        run("model", 10.0, train=8.0, test=2.0),
        run("tables", 15.0, memory=700.0),
        run("model", 7.0, train=6.0),
    ]
    first, second = spent(runs)
    assert (first.kind, first.jobs, first.seconds, first.longest) == ("model", 2, 17.0, 10.0)
    assert first.phases == (("train", 14.0), ("test", 2.0))
    assert (second.kind, second.peak_memory_mb) == ("tables", 700.0)


def test_start_up_is_what_a_job_took_beyond_its_work(tmp_path):
    paths = []
    for name, seconds in (("a.0", 12.5), ("b.1", 8.0)):
        paths.append(tmp_path / "store/models" / name / "run.json")
        store.write_json(paths[-1], run("model", 7.0))
        benchmark = tmp_path / "logs/model" / f"{name}.benchmark.tsv"
        benchmark.parent.mkdir(parents=True, exist_ok=True)
        benchmark.write_text(f"s\th:m:s\n{seconds}\t0:00:12\n")
    (found,) = spent(collect(paths))
    assert (found.seconds, found.start_up) == (14.0, 6.5)
    benchmark.unlink()
    (found,) = spent(collect(paths))
    assert (found.seconds, found.start_up) == (14.0, None)


def test_equal_machines_are_counted_once():
    found = distinct([run("a", 1.0), run("b", 1.0), run("a", 2.0)], "machine")
    assert found == [({"host": "a"}, 2), ({"host": "b"}, 1)]


def test_every_setting_is_listed_by_its_dotted_key():
    settings = {"a": {"b": 1, "c": []}, "d": [{"e": None}, {"e": True}], "f": [2, 4]}
    assert flatten(settings) == [
        ("a.b", "1"),
        ("a.c", "none"),
        ("d[0].e", "none"),
        ("d[1].e", "true"),
        ("f", "2, 4"),
    ]


def test_times_are_written_for_people():
    written = [formatting.seconds(s) for s in (0.04, 9.94, 48, 725, 12_010)]
    assert written == ["0.0 s", "9.9 s", "48 s", "12 min 05 s", "3 h 20 min"]


def test_what_was_carried_over_is_told_with_its_reason_until_the_job_runs_again(tmp_path):
    path = tmp_path / "run.json"
    store.write_json(path, {"kind": "model", "slug": "tiny-ce-s1"})
    entry = {"why": "renamed", "when": "2026-01-02", "from": "0" * 12, "changed": ["training.loop"]}
    accepted.write(tmp_path, [entry])
    (row,) = carried_grid(collect([path])).rows
    assert row == ("model", "tiny-ce-s1", "renamed", "2026-01-02", "training.loop")
    store.write_json(path, {"kind": "model", "slug": "tiny-ce-s1", "again": True})
    assert carried_grid(collect([path])).rows == []


def test_warnings_are_the_sentences_of_all_runs_each_once_with_who_said_it():
    def made(slug, *said):
        return {"kind": "model", "slug": slug, **({"notes": list(said)} if said else {})}

    found = warnings([made("a", "one", "two"), made("b"), made("c", "two")])
    assert found == {"one": ["model a"], "two": ["model a", "model c"]}
