"""Compares what an MLflow server holds of a run with what the run logged itself.

    python -m venv venv && venv/bin/pip install mlflow
    venv/bin/mlflow server --port 5000 &
    deno task pretrain --log mlflow --out runs/mine
    venv/bin/python tools/verify_mlflow.py runs/mine

Reads the run, by the id in its mlflow.json, with MLflow's own client and compares the numbers of every
step and evaluation with metrics.jsonl and events.jsonl, the parameters with config.json, and the
status. Exits with 1 at a difference.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from mlflow.tracking import MlflowClient


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def numbers_of_step(record):
    for name, value in record.items():
        if name == "stages":
            for stage, seconds in value.items():
                yield f"stages/{stage}", seconds
        elif isinstance(value, (int, float)) and not isinstance(value, bool) and name != "step":
            yield name, value


def wanted_values(run):
    wanted = {}
    for record in lines_of(run / "metrics.jsonl"):
        for name, value in numbers_of_step(record):
            wanted[name, record["step"]] = value
    for event in lines_of(run / "events.jsonl"):
        # Those of the fixed images belong to the report's pictures; loggers are not told of them.
        if event["type"] == "evaluation" and event["name"] != "fixed images":
            for name, value in event["result"].items():
                wanted[f"evaluation/{event['name']}/{name}", event["step"]] = value
    return wanted


def leaves(config, prefix=""):
    for name, value in config.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    arguments = parser.parse_args()
    server = os.environ.get("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    client = MlflowClient(tracking_uri=server)
    run_id = json.loads((arguments.run / "mlflow.json").read_text())["runId"]
    logged = client.get_run(run_id)
    found = {
        (name, metric.step): metric.value
        for name in logged.data.metrics
        for metric in client.get_metric_history(run_id, name)
    }
    wanted = wanted_values(arguments.run)
    wrong = [key for key in wanted if found.get(key) != wanted[key]]
    extra = [key for key in found if key not in wanted]
    config = json.loads((arguments.run / "config.json").read_text())["config"]
    parameters = set(leaves(config)) - set(logged.data.params)
    for key in (wrong + extra)[:10]:
        print(f"{key}: run {wanted.get(key)}, server {found.get(key)}")
    print(
        f"{len(wanted)} values, {len(wrong)} wrong, {len(extra)} more on the server; "
        f"{len(logged.data.params)} parameters, {len(parameters)} missing; {logged.info.status}"
    )
    sys.exit(1 if wrong or extra or parameters or logged.info.status != "FINISHED" else 0)


if __name__ == "__main__":
    main()
