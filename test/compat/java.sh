#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Probe: Java is compiled and run: threads, collections of garbage, files, a socket
# Expect: container=yes sentry=yes
# Needs: javac java
# Time: 180
set -eu
mkdir -p java && cd java
cat >Probe.java <<'EOF'
import java.net.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;

public class Probe {
	public static void main(String[] args) throws Exception {
		ExecutorService pool = Executors.newFixedThreadPool(8);
		List<Future<Long>> sums = new ArrayList<>();
		for (int i = 0; i < 16; i++) {
			final int from = i;
			sums.add(pool.submit(() -> {
				long n = 0;
				for (int j = 0; j < 200000; j++)
					n += new int[] { from, j }[1];
				return n;
			}));
		}
		for (Future<Long> sum : sums)
			if (sum.get() != 19999900000L)
				throw new Error("a sum is wrong");
		pool.shutdown();
		Path file = Files.writeString(Path.of("file"), "text");
		if (!Files.readString(file).equals("text"))
			throw new Error("a file is wrong");
		try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
			Thread client = new Thread(() -> {
				try (Socket s = new Socket(server.getInetAddress(), server.getLocalPort())) {
					s.getOutputStream().write(77);
				} catch (Exception e) {
					throw new Error(e);
				}
			});
			client.start();
			try (Socket s = server.accept()) {
				if (s.getInputStream().read() != 77)
					throw new Error("a byte is wrong");
			}
			client.join();
		}
		Process p = new ProcessBuilder("sh", "-c", "exit 9").start();
		if (p.waitFor() != 9)
			throw new Error("a process is wrong");
		int[] none = null;
		try {
			System.out.println(none[0]);
		} catch (NullPointerException e) {
			System.out.println("all well");
		}
	}
}
EOF
javac Probe.java
[ "$(java -Xmx256m Probe 2>/dev/null)" = "all well" ]
cd .. && rm -r java
