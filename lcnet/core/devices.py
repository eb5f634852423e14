"""Where a network runs. A device that is not there is one sentence at the start, not a traceback after the work."""

from __future__ import annotations

__all__ = ["find_device"]


def find_device(device: str | None = None):
    """The torch device called `device`; None: the accelerator, if there is one.

    Parameters
    ----------
    device : str, optional
        "cpu", "cuda", "cuda:1" ...

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If there is no such device.
    """
    import torch

    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        raise ValueError(f"device must be 'cpu' or 'cuda', not {device!r}") from None
    if found.type == "cuda":
        there = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (found.index or 0) >= there:
            raise ValueError(f"device {device!r} is not there: torch sees {there} CUDA devices")
    elif found.type != "cpu":
        try:  # other backends have no common way to be asked
            torch.empty(0, device=found)
        except (RuntimeError, NotImplementedError, AssertionError) as error:
            raise ValueError(f"device {device!r} is not there: {str(error).splitlines()[0]}") from None
    return found
