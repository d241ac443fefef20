#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Probe: processes of Python: pools, queues, shared memory, locks, by fork and by spawn
# Expect: container=yes sentry=yes
# Needs: python3
# Time: 120
import multiprocessing as mp
from multiprocessing import shared_memory


def square(x):
    return x * x


def add(lock, value, n):
    for _ in range(n):
        with lock:
            value.value += 1


def fill(name):
    block = shared_memory.SharedMemory(name=name)
    block.buf[:4] = b"four"
    block.close()


def boom(_):
    raise ValueError("as wanted")


def main():
    for how in "fork", "spawn":
        ctx = mp.get_context(how)
        with ctx.Pool(3) as pool:
            assert pool.map(square, range(200)) == [i * i for i in range(200)]
            try:
                pool.apply(boom, (1,))
                raise SystemExit("no error came back")
            except ValueError as e:
                assert str(e) == "as wanted"
        lock, value = ctx.Lock(), ctx.Value("i", 0, lock=False)
        many = [ctx.Process(target=add, args=(lock, value, 300)) for _ in range(4)]
        for p in many:
            p.start()
        for p in many:
            p.join(60)
            assert p.exitcode == 0, p
        assert value.value == 1200
        block = shared_memory.SharedMemory(create=True, size=4096)
        p = ctx.Process(target=fill, args=(block.name,))
        p.start()
        p.join(60)
        assert bytes(block.buf[:4]) == b"four"
        block.close()
        block.unlink()
    with mp.Manager() as manager:
        shared = manager.dict()
        p = mp.Process(target=shared.update, args=({"a": 1},))
        p.start()
        p.join(60)
        assert shared["a"] == 1


if __name__ == "__main__":
    main()
