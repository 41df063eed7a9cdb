"""What `whmr` can do: each command is a script of the folder `tools/`."""

from typing import NamedTuple


class Command(NamedTuple):
    """One sub-command.

    Args:
        script: The script that does it, in `tools/`; for a group, a folder of scripts.
        summary: One line of help.
        example: One line that works.
    """

    script: str
    summary: str
    example: str = ''


COMMANDS: dict[str, Command] = {
    'infer': Command(
        'infer.py',
        'find people in photos and videos, and estimate them in camera and world space',
        'whmr infer photo.jpg --out outputs',
    ),
    'report': Command(
        'report.py',
        'results as one web page that is turned by mouse',
        'whmr report outputs --out people.html',
    ),
    'merge': Command(
        'misc/merge_results.py',
        'one results.npz of what several processes of infer have written',
        'whmr merge outputs',
    ),
    'export': Command(
        'export.py',
        'results for Blender, game engines and web pages: glb, bvh, ply, obj, npz',
        'whmr export outputs --to glb bvh --out exports',
    ),
    'serve': Command('serve.py', 'a web page for uploads, on this machine', 'whmr serve'),
    'train': Command(
        'train.py', 'train a model', 'whmr train configs/whmr/whmr_lite_stage1.py --embedded'
    ),
    'test': Command(
        'test.py',
        'measure a model on a data set',
        'whmr test configs/whmr/whmr_lite_stage3.py work_dirs/whmr_lite_stage3',
    ),
    'browse': Command(
        'analysis/browse_dataset.py',
        'look at the samples of a data set',
        'whmr browse configs/whmr/whmr_lite_stage1.py',
    ),
    'export-onnx': Command(
        'export_onnx.py',
        'a model as ONNX files, for use without torch',
        'whmr export-onnx configs/whmr/whmr_lite_stage3.py checkpoints/whmr_lite.safetensors onnx',
    ),
    'convert': Command(
        '',
        'other projects\' files: weights ("checkpoint"), the SMPL body ("smpl"), data sets',
        'whmr convert dataset coco --help',
    ),
}

CONVERTERS: dict[str, Command] = {
    'checkpoint': Command(
        'checkpoint_converters/convert.py', 'weights of W-HMR, PyMAF, SPIN, SPEC, ViTPose ...'
    ),
    'smpl': Command('misc/convert_smpl.py', 'the official files of the SMPL body'),
    'dataset': Command('dataset_converters', 'annotations of a public data set'),
}
