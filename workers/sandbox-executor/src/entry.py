"""The entry point of sandbox-executor; its routes are in `routes.py`, the Workflow in `execution_workflow.py`."""

from electrons.runtime.entrypoint import create_handlers
from electrons.runtime.workflow import create_workflow
from sandbox_executor.execution_workflow import run_execution
from sandbox_executor.routes import app

on_fetch, on_scheduled = create_handlers(app)
ExecutionWorkflow = create_workflow("ExecutionWorkflow", app, run_execution)
