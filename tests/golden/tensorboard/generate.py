"""Writes events.bin with TensorBoard's own record writer and messages: pip install tensorboard."""

import pathlib

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

SCALARS = [
    ("loss/train", 0.75),
    ("accuracy/train", 0.5),
    ("loss/validation", 1.25),
    ("accuracy/validation", 0.625),
    ("learning_rate", 0.001),
    ("images_per_second", 12345.5),
]


def begin(wall_time, step):
    log = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
    return event_pb2.Event(wall_time=wall_time, step=step, session_log=log)


def scalar(tag, value):
    summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, simple_value=value)])
    return event_pb2.Event(wall_time=1700000001.5, step=300, summary=summary)


events = [
    event_pb2.Event(wall_time=1700000000.25, file_version="brain.Event:2"),
    begin(1700000000.25, 0),
    *(scalar(tag, value) for tag, value in SCALARS),
    begin(1700000002.5, 301),
]
with open(pathlib.Path(__file__).with_name("events.bin"), "wb") as file:
    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString(deterministic=True))
    writer.flush()
