"""Is a sweep what it promises: every point once however often it is killed, and the same on every executor?"""
