"""HubSpot's official SDK as an oracle: reads cases as JSON, prints the signatures it computes."""
import json
import sys

from hubspot.utils.signature import Signature

print(json.dumps([
    Signature.get_signature(case["secret"], case["body"], case["version"], case["url"], case["method"], case["timestamp"])
    for case in json.load(sys.stdin)
]))
