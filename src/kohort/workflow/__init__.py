"""The workflow of `kohort improve`, from a data file to a report, a model and a verdict."""

from kohort.workflow.failure import UsageError, WorkflowError
from kohort.workflow.improve import Findings, improve
from kohort.workflow.predict import predict

__all__ = ["Findings", "UsageError", "WorkflowError", "improve", "predict"]
