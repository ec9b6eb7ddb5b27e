"""Makes `import torchvision` work beside a CPU build of torch.

The package index carries one torchvision, linked against CUDA. Beside a CPU torch its `_C` library does not load, and
its Python files then fail on the two operators that the library would have declared; open_clip, peft, accelerate's
command and diffusers' Wan fail with it. A `.pth` file installs the finder below at start-up: just before torchvision
is imported, it declares the two schemas if `_C` will not load, and does nothing where it loads. Operators that need
the library (nms, torchvision.io) still fail when called.
"""

import importlib.util
import sys
from pathlib import Path

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_keep = []  # a torch Library undoes its declarations when it is collected


class _BeforeTorchvision:
    """Meta path finder that finds nothing itself; it only acts before torchvision is found by the others."""

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            spec = importlib.util.find_spec("torchvision")
            if spec and spec.origin:
                _declare_if_needed(Path(spec.origin).parent)
        return None


def _declare_if_needed(package: Path) -> None:
    import torch

    for library in package.glob("_C*.so"):
        try:
            torch.ops.load_library(str(library))
            return
        except OSError:
            pass
    fragment = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _SCHEMAS:
        fragment.define(schema)
    _keep.append(fragment)


def install() -> None:
    """Idempotent: a start-up that reads its `.pth` files twice installs one finder."""
    if not any(isinstance(finder, _BeforeTorchvision) for finder in sys.meta_path):
        sys.meta_path.insert(0, _BeforeTorchvision())
