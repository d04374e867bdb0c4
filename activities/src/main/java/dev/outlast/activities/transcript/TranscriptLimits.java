package dev.outlast.activities.transcript;

import java.time.Duration;
import java.util.Objects;

/**
 * How much is kept.
 *
 * @param retention for how long
 * @param maxSession the most of one session, in bytes. Beyond it the oldest output goes first, then
 *     the oldest of the rest
 * @param maxTotal the most of all sessions of the host, in bytes, likewise
 */
public record TranscriptLimits(Duration retention, long maxSession, long maxTotal) {

  /** The least that a session, and so the host, may keep: 1 MiB. */
  public static final long MIN_BYTES = 1024 * 1024;

  /** The shortest retention. */
  public static final Duration MIN_RETENTION = Duration.ofHours(1);

  /** 30 days, 256 MiB of a session, 4 GiB of all. */
  public static final TranscriptLimits DEFAULT =
      new TranscriptLimits(Duration.ofDays(30), 256L << 20, 4L << 30);

  public TranscriptLimits {
    Objects.requireNonNull(retention, "retention");
  }

  /** The size at which a session's next file begins. */
  long segment() {
    return Math.min(FileTranscripts.MAX_SEGMENT, maxSession / 8);
  }

  /** By how much all sessions are made smaller than they may be, so that it is seldom done. */
  long slack() {
    return maxTotal / 64;
  }
}
