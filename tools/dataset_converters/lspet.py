"""Leeds Sports Pose Extended to the annotation format.

    python tools/dataset_converters/lspet.py DOWNLOADS/lspet_dataset data/lspet

Expected in the source folder: `joints.mat` and `images/im00001.jpg` ... (10000 photos, all for
training). Labels: 2D. Needs scipy: `pip install whmr[convert]`.

Other than in LSP, joints that the photo hides are not annotated: the third column of `joints` is 1
where a joint is.
"""

from whmr.datasets.conversion import LeedsSportsConverter, run_converter


class LSPExtendedConverter(LeedsSportsConverter):
    """People of LSP-extended: up to 14 joints each."""

    name = 'lspet'
    splits = ('train',)
    joint_axis, digits, marks_labelled = 0, 5, True


if __name__ == '__main__':
    raise SystemExit(run_converter(LSPExtendedConverter))
