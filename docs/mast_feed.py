"""A camera in a hurry: writes raw frames to its standard output, so many a second, for ever.

    python3 docs/mast_feed.py CLIP BYTES RATE SECONDS     BYTES of one frame, SECONDS that the clip takes; what cannot be written in time is left out
"""

import sys
import time
from pathlib import Path

clip, size, rate, lasts = Path(sys.argv[1]).read_bytes(), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
frames = [clip[at : at + size] for at in range(0, len(clip), size)]
begun, number = time.monotonic(), 0
while True:
    now = time.monotonic() - begun
    number = max(number + 1, int(now * rate))
    time.sleep(max(0.0, number / rate - now))
    sys.stdout.buffer.write(frames[int(number / rate / lasts * len(frames)) % len(frames)])
