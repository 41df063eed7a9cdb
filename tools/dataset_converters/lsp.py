"""Leeds Sports Pose to the annotation format.

    python tools/dataset_converters/lsp.py DOWNLOADS/lsp_dataset data/lsp

Expected in the source folder: `joints.mat` and `images/im0001.jpg` ... (2000 photos, the first half
for training). Labels: 2D. Needs scipy: `pip install whmr[convert]`.

Every joint is annotated, also those that the photo hides (the third row of `joints` is 1 there).
"""

from whmr.datasets.conversion import LeedsSportsConverter, run_converter


class LSPConverter(LeedsSportsConverter):
    """People of LSP: 14 joints each."""

    name = 'lsp'
    splits = ('train', 'test')
    joint_axis, digits, marks_labelled = 1, 4, False

    def people(self, split: str) -> range:
        """Index of the people of a split."""
        half = len(self.joints) // 2
        return range(half) if split == 'train' else range(half, len(self.joints))


if __name__ == '__main__':
    raise SystemExit(run_converter(LSPConverter))
