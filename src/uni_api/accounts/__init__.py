"""Accounts: what a client key may use up: requests, tokens, money.

Rule 1: what is let in has paid: limits are taken and money is reserved at the gate, in one step.
Rule 2: what was not used goes back: a request that the gateway refuses costs nothing, tokens cost what they came to.
Rule 3: a key without limits and without credits costs nothing at the gate.
"""

from uni_api.accounts.estimate import tokens_in
from uni_api.accounts.gate import Ask, Came, Gate, Pass, both, done

__all__ = ["Ask", "Came", "Gate", "Pass", "both", "done", "tokens_in"]
