"""Firstline: a customer-support agent on Claude that a company runs itself.

The product is one function, `firstline.turn.run_turn`; everything else feeds it or listens to it.
"""

__version__ = "0.1.0"
