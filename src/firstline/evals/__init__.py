"""Evaluation: cases, and what is made of conversations for them. A door of its own: nothing else imports from here,
but the routes with which a human agent makes a case of a correction.
"""
