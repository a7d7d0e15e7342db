"""Tiny models and a job with them."""

from tests.pipelines.distributed.conftest import make_job, tiny_models

__all__ = ["make_job", "tiny_models"]
