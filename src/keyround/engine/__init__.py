"""Rules, judged offline: gate, sandbox, verdicts and their memory."""
