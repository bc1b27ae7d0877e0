"""Cohorts: models of one structure train together as one compiled program."""

from kohort.cohort.candidate import Candidate as Candidate
from kohort.cohort.cohort import Cohort as Cohort
from kohort.cohort.member import Member as Member
