"""What learning curves say: what is wrong, how one can tell, and what to try next."""

from kohort.workflow.diagnose.finding import Diagnosis, Finding
from kohort.workflow.diagnose.run import diagnose
from kohort.workflow.diagnose.units import idle_units

__all__ = ["Diagnosis", "Finding", "diagnose", "idle_units"]
