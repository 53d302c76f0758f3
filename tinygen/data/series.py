"""Recorded series: heart beats, temperatures, and three with labelled anomalies.

How each is cut into windows, and standardised by its training part, stands in windows.py. Single
heart beats come as the archive made them: each of 140 samples, of mean 0 and std 1.

S. Ahmad and others, Unsupervised real-time anomaly detection for streaming data, Neurocomputing
262, 2017 (the Numenta benchmark: its anomalies are the windows of labels/combined_windows.json).
"""

from functools import partial

import numpy as np

from tinygen.data.dataset import Dataset, Entry, File
from tinygen.data.files import contents
from tinygen.data.holds import Holds
from tinygen.data.npz import read_npz
from tinygen.data.parts import cut
from tinygen.data.windows import Recording, load

NAB = "https://raw.githubusercontent.com/numenta/NAB/master/data/realKnownCause/"

ECG = File(
    "timeseries/ecg_mitbih208.npz",
    119035,
    "f20ad3365fb9b7f845d0e5c48b6fe67081377ee466c3a220b7f69f35c8958baf",
    ("https://raw.githubusercontent.com/scipy/dataset-ecg/main/ecg.dat",),
)
HEARTBEATS = File(
    "timeseries/ecg5000_train.npz",
    260188,
    "c7981de7ce1dc1277bab5bbd119eac91f2e0ee104ecf7e8b37238844593459f8",
)
MELBOURNE = File(
    "timeseries/daily-min-temperatures.csv",
    67921,
    "8b9de63ed6789492bf497625e7f9beb96a63d367b4b0a21754006f749fa5e5da",
    ("https://raw.githubusercontent.com/jbrownlee/Datasets/master/daily-min-temperatures.csv",),
)
SEATTLE = File(
    "timeseries/seattle-temps.csv",
    192707,
    "c220666521ff4bec4ffb6f0d9acfdc5c1056564b1aad6f78d3b06aa0a0c8b085",
)
TAXI = File(
    "timeseries/nab_nyc_taxi.csv",
    265771,
    "d8fa6f7f0734bf5c8be12c52a94e20a82664c397d9dec4449156bd453d32856d",
    (f"{NAB}nyc_taxi.csv",),
)
AMBIENT = File(
    "timeseries/nab_ambient_temperature_system_failure.csv",
    233321,
    "230b68ccca20f59d562afd5d24ad52939c9b784386bed0054018358bf9120581",
    (f"{NAB}ambient_temperature_system_failure.csv",),
)
MACHINE = File(
    "timeseries/nab_machine_temperature_system_failure.csv",
    732223,
    "92bf5b87fc7f9bba8ca0b7ec63ccaac8cb4a1371a258e8c29a10ae9c018d82a4",
    (f"{NAB}machine_temperature_system_failure.csv",),
)

TAXI_ANOMALIES = (
    ("2014-10-30T15:30", "2014-11-03T22:30"),  # New York marathon
    ("2014-11-25T12:00", "2014-11-29T19:00"),  # Thanksgiving
    ("2014-12-23T11:30", "2014-12-27T18:30"),  # Christmas
    ("2014-12-29T21:30", "2015-01-03T04:30"),  # New Year
    ("2015-01-24T20:30", "2015-01-29T03:30"),  # snow storm
)
AMBIENT_ANOMALIES = (
    ("2013-12-15T07:00", "2013-12-30T09:00"),
    ("2014-03-29T15:00", "2014-04-20T22:00"),
)
MACHINE_ANOMALIES = (
    ("2013-12-10T06:25", "2013-12-12T05:35"),
    ("2013-12-15T17:50", "2013-12-17T17:00"),
    ("2014-01-27T14:20", "2014-01-29T13:30"),
    ("2014-02-07T14:55", "2014-02-09T14:05"),
)

BEATS = (
    "normal",
    "R-on-T premature ventricular",
    "premature ventricular",
    "supraventricular",
    "unclassified",
)


def heartbeats() -> Dataset:
    """300, 100 and 100 single beats (N, 140), labelled by kind. Raises DataError."""
    holds = {"x": Holds("float32", (500, 140), -6, 5), "y": Holds("uint8", (500,), 1, 5)}
    arrays = read_npz(contents(HEARTBEATS)[0], HEARTBEATS.path, holds)
    which = np.maximum(np.arange(500) % 5 - 2, 0)
    parts = cut(which, arrays["x"], arrays["y"] - 1)
    return Dataset("heartbeats", "series", *parts, classes=BEATS)


def recorded(
    recording: Recording,
    sizes: tuple[int, int, int],
    title: str,
    split: str,
    licence: str,
    source: str,
) -> Entry:
    """A line of the catalogue."""
    return Entry(
        name=recording.name,
        title=title,
        kind="series",
        shape=(recording.T,),
        sizes=dict(zip(("train", "validation", "test"), sizes, strict=True)),
        split=f"{split}; standardised: (x - {recording.mean:.7g}) / {recording.std:.7g}",
        licence=licence,
        source=source,
        load=partial(load, recording),
        files=(recording.file,),
    )


NUMENTA = "Numenta Anomaly Benchmark, https://github.com/numenta/NAB"
IN_TIME = "in time, at 60 and 80 % of the series; a window that holds an anomaly is labelled 1"

ENTRIES = (
    recorded(
        Recording("ecg", ECG, 360, 1, (75600, 91800), -0.1626147, 0.6319619),
        (837, 45, 45),
        "five minutes of a heart with arrhythmia, in windows of one second; millivolt",
        "in time, at 70 and 85 % of the series",
        "ODC-BY 1.0",
        "MIT-BIH Arrhythmia Database, record 208; https://github.com/scipy/dataset-ecg",
    ),
    Entry(
        name="heartbeats",
        title="single heart beats of five kinds (ECG5000, the training file)",
        kind="series",
        shape=(140,),
        sizes={"train": 300, "validation": 100, "test": 100},
        split="by the index mod 5: 4 test, 3 validation, else train",
        licence="free for research, citation asked",
        source="UCR archive, ECG5000, from BIDMC chf07; NumPy's npz of ECG5000_TRAIN.txt",
        load=heartbeats,
        files=(HEARTBEATS,),
    ),
    recorded(
        Recording(
            "melbourne-temperatures", MELBOURNE, 28, 86400, (2555, 2920), 10.981996, 4.0881803
        ),
        (358, 13, 26),
        "ten years of daily minimum temperatures, in windows of four weeks; Celsius",
        "1981-87 train, 1988 validation, 1989-90 test",
        "not stated",
        "Australian Bureau of Meteorology, by https://github.com/jbrownlee/Datasets",
    ),
    recorded(
        Recording("seattle-temperatures", SEATTLE, 24, 3600, None, 52.036827, 9.6545019),
        (260, 52, 52),
        "hourly temperatures of 2010 (normals), in days; Fahrenheit",
        "by the number of the day mod 7: 6 test, 5 validation, else train",
        "public domain",
        "NOAA; _data/seattle-temps.csv in the Python package vega_datasets 0.9.0",
    ),
    recorded(
        Recording("nab-taxi", TAXI, 48, 1800, (6192, 8256), 15355.137, 6835.0952, TAXI_ANOMALIES),
        (513, 43, 43),
        "passengers of New York's taxis, in windows of a day; five anomalies",
        IN_TIME,
        "MIT",
        NUMENTA,
    ),
    recorded(
        Recording(
            "nab-ambient-temperature",
            AMBIENT,
            24,
            3600,
            (4344, 5808),
            73.004930,
            3.5356757,
            AMBIENT_ANOMALIES,
        ),
        (702, 59, 58),
        "temperature of an office, in windows of a day; two anomalies; Fahrenheit",
        IN_TIME,
        "MIT",
        NUMENTA,
    ),
    recorded(
        Recording(
            "nab-machine-temperature",
            MACHINE,
            144,
            300,
            (13536, 18144),
            87.455333,
            11.286264,
            MACHINE_ANOMALIES,
        ),
        (369, 32, 31),
        "temperature of a machine, in windows of 12 hours; four anomalies; Fahrenheit",
        IN_TIME,
        "MIT",
        NUMENTA,
    ),
)
