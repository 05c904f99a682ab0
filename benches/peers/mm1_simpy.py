"""M/M/1 at load 0.8 in SimPy: `mm1_simpy.py CUSTOMERS` prints seconds and the mean response as JSON."""

import json
import random
import sys
import time

import simpy

LOAD = 0.8


def customer(env, server, draw, responses):
    born = env.now
    with server.request() as turn:
        yield turn
        yield env.timeout(draw.expovariate(1.0))
    responses[0] += env.now - born
    responses[1] += 1


def source(env, customers, server, draw, responses):
    for _ in range(customers):
        yield env.timeout(draw.expovariate(LOAD))
        env.process(customer(env, server, draw, responses))


def main(customers):
    env, draw, responses = simpy.Environment(), random.Random(1), [0.0, 0]
    server = simpy.Resource(env, capacity=1)
    env.process(source(env, customers, server, draw, responses))
    began = time.perf_counter()
    env.run()
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "response": responses[0] / responses[1]}))


main(int(sys.argv[1]))
