"""Compares what TensorBoard's own reader finds in a run with what the run logged itself.

    python -m venv venv && venv/bin/pip install tensorboard
    venv/bin/python tools/verify_tensorboard.py runs/quickstart

Reads every event file of the run with TensorBoard's EventAccumulator and HParams plugin protocol
buffers, and compares scalars with metrics.jsonl and events.jsonl, value by value. Exits with 1 at a
difference. `--dump` prints what the reader finds as JSON instead: the golden file of
tests/report/tensorboard_test.ts was made so.
"""

import argparse
import json
import struct
import sys
from pathlib import Path

import tensorboard
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import plugin_data_pb2


def single(value):
    """A double as float32: what a scalar of an event file holds."""
    return struct.unpack("f", struct.pack("f", value))[0]


def tag_of(name):
    if name in ("learningRate", "lossScale", "gradNorm"):
        return f"optimizer/{name}"
    if name in ("imagesPerSecond", "dataTime", "stepTime") or name.startswith("stages."):
        return "time/" + name.replace(".", "/")
    return f"train/{name}"


def flat_numbers(record):
    for name, value in record.items():
        if isinstance(value, dict):
            for stage, seconds in value.items():
                yield f"{name}.{stage}", seconds
        elif isinstance(value, (bool, int, float)) and name != "step":
            yield name, float(value)


def hparams_of(accumulator):
    found = {}
    for tag, content in accumulator.PluginTagToContent("hparams").items():
        data = plugin_data_pb2.HParamsPluginData.FromString(content)
        kind = data.WhichOneof("data")
        if kind == "session_start_info":
            for name, value in data.session_start_info.hparams.items():
                found[name] = getattr(value, value.WhichOneof("kind"))
        elif kind == "session_end_info":
            found["(status)"] = data.session_end_info.status
        else:
            found["(metrics)"] = [info.name.tag for info in data.experiment.metric_infos]
            found["(infos)"] = len(data.experiment.hparam_infos)
    return found


def load(run):
    # 0: keep every event, where the reader would sample.
    guidance = {
        event_accumulator.SCALARS: 0,
        event_accumulator.IMAGES: 0,
        event_accumulator.HISTOGRAMS: 0,
        event_accumulator.TENSORS: 0,
    }
    accumulator = event_accumulator.EventAccumulator(str(run), size_guidance=guidance)
    accumulator.Reload()
    return accumulator


def dump(accumulator):
    tags = accumulator.Tags()
    return {
        "scalars": {t: [[e.step, e.value] for e in accumulator.Scalars(t)] for t in sorted(tags["scalars"])},
        "images": {
            t: [[e.step, e.width, e.height, len(e.encoded_image_string)] for e in accumulator.Images(t)]
            for t in sorted(tags["images"])
        },
        "histograms": {
            t: [
                {
                    "step": e.step,
                    "min": e.histogram_value.min,
                    "max": e.histogram_value.max,
                    "num": e.histogram_value.num,
                    "sum": e.histogram_value.sum,
                    "sum_squares": e.histogram_value.sum_squares,
                    "bucket_limit": list(e.histogram_value.bucket_limit),
                    "bucket": list(e.histogram_value.bucket),
                }
                for e in accumulator.Histograms(t)
            ]
            for t in sorted(tags["distributions"])
        },
        "hparams": dict(sorted(hparams_of(accumulator).items())),
    }


def verify(run, accumulator):
    wanted = {}
    for line in (run / "metrics.jsonl").read_text().splitlines():
        record = json.loads(line)
        for name, value in flat_numbers(record):
            wanted.setdefault(tag_of(name), []).append((record["step"], value))
    for line in (run / "events.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["type"] == "evaluation":
            for key, value in record["result"].items():
                tag = f"evaluation/{record['name']}/{key}"
                wanted.setdefault(tag, []).append((record["step"], value))
    found = dump(accumulator)
    compared = 0
    for tag, values in wanted.items():
        # A run of more than 10 000 steps writes some of them.
        steps = {step for step, _ in found["scalars"].get(tag, [])}
        ours = [[step, single(value)] for step, value in values if step in steps]
        if not ours or ours != found["scalars"][tag]:
            print(f"{tag}: TensorBoard reads {found['scalars'].get(tag)}, the run logged {ours}")
            return False
        compared += len(ours)
    extra = set(found["scalars"]) - set(wanted)
    if extra:
        print(f"only TensorBoard knows {sorted(extra)}")
        return False
    for name in ("images", "histograms", "hparams"):
        if not found[name]:
            print(f"TensorBoard finds no {name}")
            return False
    for tag, histograms in found["histograms"].items():
        for histogram in histograms:
            if sum(histogram["bucket"]) != histogram["num"]:
                print(f"{tag}: the buckets of step {histogram['step']} do not add up")
                return False
    print(
        f"TensorBoard {tensorboard.__version__}: {compared} values of {len(wanted)} scalars are equal; "
        f"{len(found['histograms'])} histograms, {sum(map(len, found['images'].values()))} pictures, "
        f"{len(found['hparams'])} hparams"
    )
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path, help="directory of a run, or of an event file with --dump")
    parser.add_argument("--dump", action="store_true")
    arguments = parser.parse_args()
    loaded = load(arguments.run)
    if arguments.dump:
        print(json.dumps(dump(loaded), indent=1))
    else:
        sys.exit(0 if verify(arguments.run, loaded) else 1)
