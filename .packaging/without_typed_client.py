"""Runs in the bundle before anything else: an empty name for what the bundle leaves out.

`import msgraph` loads its typed client, and that belongs to sixteen thousand
generated modules, the longest path of which has 324 characters. Keyround uses
the request adapter beside it alone.
"""

import sys
from types import ModuleType

_client = ModuleType("msgraph.graph_service_client")
_client.GraphServiceClient = None
sys.modules[_client.__name__] = _client
