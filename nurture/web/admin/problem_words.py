"""What the check says about campaigns, in the language of the page."""

from nurture.errors import Problem


def tell(problem: Problem) -> str:
    """One problem in words: what is wrong, and what to do."""
    return f"{problem.message}. {problem.remedy}".strip()
