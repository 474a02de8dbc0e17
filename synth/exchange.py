"""The commands import and export, whose work `records.importing` and `records.exporting` do."""

import argparse
import dataclasses
import time
from pathlib import Path

from records.errors import UserError

IMPORT = """\
Writes a TFDS data set to DIR/imported/1.0.0, as `generate` does one of games: with any number of
pictures a question, and without game, level or category where the source tells none. Training,
sampling, preferences and evaluation take it like others. A row that can't become a record is left
out, counted and named, all of them in DIR/left_out.jsonl. PNG and JPEG stay as they are, other
pictures become PNG. Archives *.tar.gz must be unpacked; *.zip and *.tar need not.

formats:
  gameqa       GameQA-140K and GameQA-5K: JSON beside its pictures, zipped or not
  llava        conversations, JSON or a line each
  share4o-sft  ShareGPT-4o-Reasoning: DATASET/{direct,cot}.none.jsonl and image_data
  share4o-dpo  its preference pairs; train on them with --config.dpo.recompute_reference=True
  hf           parquet files, or what `save_to_disk` of `datasets` wrote
  vlmevalkit   tables (TSV) with pictures in base64
  jsonl        lines with image (a path), question and answer
  or the import path of a module, see records/formats/__init__.py
"""
EXPORT = """\
Writes every split of a data set to the folder DIR, which appears only when it is complete. What a
format has no place for is in a field `record` of its rows, so that `import` gives back the same
records.

formats: gameqa, llava, share4o-sft, vlmevalkit, hf and jsonl for questions, share4o-dpo for pairs
"""


def add_commands(commands) -> None:
    raw = argparse.RawDescriptionHelpFormatter
    take = commands.add_parser(
        "import", help="take data of others", description=IMPORT, formatter_class=raw
    )
    take.add_argument("format", metavar="FORMAT")
    take.add_argument("sources", nargs="+", type=Path, metavar="SOURCE", help="file or folder")
    take.add_argument("--out", required=True, metavar="DIR", help="where to")
    take.add_argument(
        "--name",
        help="what the task is called where the rows do not tell (default: "
        "the preset's name or the first source's)",
    )
    take.add_argument("--split", help="what all records belong to (default: by the files' names)")
    take.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="where paths of pictures begin (default: beside the file that names them)",
    )
    take.add_argument(
        "--validation",
        type=_share,
        default=0.0,
        metavar="X",
        help="share of train that is held out as validation, picture by picture (default: 0)",
    )
    take.add_argument(
        "--sample-ratios",
        metavar="N,N",
        help="how often the records of each SOURCE come (default: once)",
    )
    take.add_argument(
        "--verify",
        action="store_true",
        help="solve the questions of known games again and tell which answers differ",
    )
    take.add_argument(
        "--chain",
        metavar="NAME",
        help="what steps are read from: for gameqa "
        "refinement (default, where there is one) or analysis, for hf a column",
    )
    hub = take.add_argument_group("for hf", "a|b is the first that has something, a,b are both")
    hub.add_argument(
        "--preset", metavar="NAME", help="the columns of a known benchmark; a wrong NAME lists them"
    )
    for name in ("question", "answer", "choices", "pictures", "id"):
        hub.add_argument(f"--{name}", metavar="COLUMN")
    take.set_defaults(run=_import)

    give = commands.add_parser(
        "export", help="write data for others", description=EXPORT, formatter_class=raw
    )
    give.add_argument("format", metavar="FORMAT")
    give.add_argument("dataset", metavar="DATASET")
    give.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to")
    give.add_argument(
        "--shards",
        type=_count,
        metavar="N",
        help="N records in each of several "
        "files: *.tar as webdataset reads it, or parquet for hf (default there: 1000)",
    )
    give.set_defaults(run=_export)


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to below 1")
    return share


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def _import(args) -> None:
    from records.formats import Options, find_format  # slow to import, as below
    from records.importing import LEFT_OUT, NAME, import_data
    from records.paths import anywhere
    from records.writing import folder

    heeds = find_format(args.format).HEEDS
    named = [field.name for field in dataclasses.fields(Options) if field.name != "name"]
    given = {name: value for name in named if (value := getattr(args, name)) is not None}
    if unheeded := [name for name in given if name not in heeds]:
        raise UserError(f"--{unheeded[0]} is not for the format {args.format}.")
    options = Options(name=args.name or args.preset or args.sources[0].resolve().stem, **given)
    start, out = time.perf_counter(), anywhere(args.out)
    done = import_data(
        args.format,
        args.sources,
        out,
        options,
        split=args.split,
        images=args.images,
        ratios=_numbers(args.sample_ratios),
        validation=args.validation,
    )
    target = folder(out, NAME)
    if done is None:
        print(f"{target} is already complete.")
    else:
        counts, left_out = done
        splits = ", ".join(f"{split} {count}" for split, count in counts.items())
        seconds = time.perf_counter() - start
        print(f"{sum(counts.values())} records in {seconds:.1f} s ({splits})")
        for place, why in list(left_out.items())[:10]:
            print(f"left out: {place}: {why}")
        if left_out:
            print(f"rows left out: {len(left_out)}, all named in {out / LEFT_OUT}")
        print(target)
    if args.verify:
        from synth import verify

        print(verify.report(target))


def _numbers(text: str | None) -> list[int] | None:
    try:
        return text and [int(number) for number in text.split(",")]
    except ValueError:
        raise UserError(f"--sample-ratios {text!r} are no numbers, like 2,1.") from None


def _export(args) -> None:
    from records.exporting import export_data

    counts = export_data(args.format, args.dataset, args.out, shards=args.shards)
    splits = ", ".join(f"{split} {count}" for split, count in counts.items())
    print(f"{sum(counts.values())} records ({splits})")
    print(args.out)
