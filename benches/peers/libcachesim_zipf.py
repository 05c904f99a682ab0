"""One round of libCacheSim's policies on a trace: libcachesim_zipf.py TRACE NAME:CAPACITY...

TRACE is in oracleGeneral format, with sizes of 1; each NAME is a class of the module. Its own loop in C
(process_trace) reads and replays the trace. Prints JSON: seconds and the share of misses.
"""
import json
import sys
import time

import libcachesim


def run(trace, name, capacity):
    reader = libcachesim.TraceReader(
        trace=trace,
        trace_type=libcachesim.TraceType.ORACLE_GENERAL_TRACE,
        reader_init_params=libcachesim.ReaderInitParam(ignore_obj_size=True),
    )
    cache = getattr(libcachesim, name)(capacity)
    start = time.perf_counter()
    miss_ratio, _ = cache.process_trace(reader)
    return {"policy": name, "capacity": capacity, "seconds": time.perf_counter() - start, "misses": miss_ratio}


def main(trace, orders):
    pairs = (order.split(":") for order in orders)
    print(json.dumps([run(trace, name, int(capacity)) for name, capacity in pairs]))


main(sys.argv[1], sys.argv[2:])
