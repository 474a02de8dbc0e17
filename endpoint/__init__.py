"""The client of servers that speak OpenAI's protocol: vLLM, llama.cpp, Ollama, and the companies.

`Endpoint` asks one server's chat completions. What there is to it - one layer of retries, budgets
that are checked before a request leaves, replies that are kept so that none is paid twice - would
be ours on top of any client package as well, so that urllib of the standard library does for the
rest, and there is nothing to install. Imports `records` alone.

  with Endpoint("http://localhost:8000/v1", "NAME", cache=Path("replies.sqlite")) as endpoint:
      reply = endpoint.ask([user("How many lamps are lit?", png)])

A reply that is no use is a `Reply` with a `failure`, never an exception. Exceptions are for what
concerns all requests: UserError where no other try would help, `BudgetEnded`, and `GaveOut`.
"""

from endpoint.budget import BudgetEnded, Spent
from endpoint.client import Endpoint, GaveOut
from endpoint.messages import Reply, Request, user

__all__ = ["BudgetEnded", "Endpoint", "GaveOut", "Reply", "Request", "Spent", "user"]
