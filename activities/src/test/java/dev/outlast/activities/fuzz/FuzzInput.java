package dev.outlast.activities.fuzz;

import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.stream.Stream;

/**
 * What a fuzzer's bytes stand for: a header, standard output up to the first byte that no UTF-8
 * has, and standard error.
 *
 * @param chunk how many bytes are read at once, at least 1
 * @param options bits that a target may give a meaning
 */
record FuzzInput(
    int exitCode, ZoneId zone, Instant now, int chunk, int options, byte[] stdout, byte[] stderr) {

  private static final int HEADER = 8;
  private static final int BYTE = 0xff;
  private static final byte SEPARATOR = (byte) 0xff;

  /** Zones of all kinds: changes of the clocks, half hours, and both ends of the day. */
  private static final List<ZoneId> ZONES =
      Stream.of(
              "UTC",
              "Europe/Berlin",
              "America/New_York",
              "America/Los_Angeles",
              "Asia/Kolkata",
              "Asia/Tokyo",
              "Europe/London",
              "America/Sao_Paulo",
              "Pacific/Chatham",
              "Pacific/Apia",
              "America/St_Johns",
              "Africa/Casablanca",
              "Antarctica/Troll",
              "Australia/Lord_Howe",
              "+18:00",
              "-18:00")
          .map(ZoneId::of)
          .toList();

  static FuzzInput of(byte[] bytes) {
    ByteBuffer header = ByteBuffer.allocate(HEADER);
    header.put(bytes, 0, Math.min(HEADER, bytes.length)).rewind();
    int exitCode = header.get() & BYTE;
    ZoneId zone = ZONES.get((header.get() & BYTE) % ZONES.size());
    Instant now = Instant.ofEpochSecond(Integer.toUnsignedLong(header.getInt()));
    int chunk = 1 + (header.get() & BYTE);
    int options = header.get() & BYTE;
    int from = Math.min(HEADER, bytes.length);
    int end = from;
    while (end < bytes.length && bytes[end] != SEPARATOR) {
      end++;
    }
    byte[] stdout = new byte[end - from];
    System.arraycopy(bytes, from, stdout, 0, stdout.length);
    byte[] stderr = new byte[Math.max(0, bytes.length - end - 1)];
    System.arraycopy(bytes, bytes.length - stderr.length, stderr, 0, stderr.length);
    return new FuzzInput(exitCode, zone, now, chunk, options, stdout, stderr);
  }

  /** The bytes that stand for a case. */
  static byte[] bytes(int exitCode, ZoneId zone, Instant now, byte[] stdout, byte[] stderr) {
    return ByteBuffer.allocate(HEADER + stdout.length + 1 + stderr.length)
        .put((byte) exitCode)
        .put((byte) Math.max(0, ZONES.indexOf(zone)))
        .putInt((int) now.getEpochSecond())
        .put((byte) 63)
        .put((byte) 0)
        .put(stdout)
        .put(SEPARATOR)
        .put(stderr)
        .array();
  }

  boolean option(int bit) {
    return (options >> bit & 1) == 1;
  }
}
