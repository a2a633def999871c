"""Generated tasks of reasoning: questions, worked solutions, choices, and what checks them.

All texts are symbols with single spaces between them; numbers are written digit by digit.
"""
