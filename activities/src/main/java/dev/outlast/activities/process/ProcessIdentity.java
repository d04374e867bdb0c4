package dev.outlast.activities.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A process that is never mistaken for a later one with the same process id. Immutable.
 *
 * @param pid its process id
 * @param start when it started: on Linux clock ticks after the boot (field 22 of {@code
 *     /proc/PID/stat}), elsewhere an instant
 * @param boot names the boot of the system, and on Linux the namespace of process ids, within which
 *     {@code pid} and {@code start} mean something
 */
public record ProcessIdentity(long pid, String start, String boot) {

  private static final Logger log = LoggerFactory.getLogger(ProcessIdentity.class);
  private static final Path PROC = Path.of("/proc");

  /** What stands between the boot and the namespace. */
  private static final String NAMESPACE = "/";

  private static final String BOOT = askBoot();

  /**
   * @throws IllegalArgumentException if {@code pid} is not positive, or {@code start} is none that
   *     a process of this boot could have
   */
  public ProcessIdentity {
    Objects.requireNonNull(start, "start");
    Objects.requireNonNull(boot, "boot");
    if (pid < 1) {
      throw new IllegalArgumentException(pid + " is no process id");
    }
    // What is of another boot, or of another system, is never compared with what runs here.
    if (boot.equals(BOOT) && !start.matches("\\d{1,18}")) {
      try {
        Instant.parse(start);
      } catch (DateTimeException neither) {
        throw new IllegalArgumentException("no process starts at " + start, neither);
      }
    }
  }

  /** This process. */
  public static ProcessIdentity current() {
    return of(ProcessHandle.current().pid()).orElseThrow();
  }

  /**
   * The process that has this id now; empty if there is none, or it has ended already.
   *
   * @throws java.io.UncheckedIOException if that cannot be looked at
   */
  public static Optional<ProcessIdentity> of(long pid) {
    return of(pid, ProcessTable.OF_THIS_SYSTEM);
  }

  static Optional<ProcessIdentity> of(long pid, ProcessTable table) {
    return table
        .entry(pid)
        .map(entry -> new ProcessIdentity(pid, table.text(entry.started()), BOOT));
  }

  /**
   * Whether it still runs. A process that has ended and was not waited for does not.
   *
   * @throws java.io.UncheckedIOException if that cannot be looked at, for example since this
   *     process has no descriptor left; then nobody may go by it having ended
   */
  public boolean lives() {
    return ofThisBoot() && of(pid).filter(this::equals).isPresent();
  }

  /** Whether the boot is that of this process; else nothing that is seen here can be it. */
  boolean ofThisBoot() {
    return boot.equals(BOOT);
  }

  /**
   * Whether it is of this boot, but of another namespace of process ids, such as another
   * container's: if it runs, it cannot be seen from here.
   */
  boolean hidden() {
    return !ofThisBoot() && bootOnly(boot).equals(bootOnly(BOOT));
  }

  private static String bootOnly(String boot) {
    return boot.substring(0, boot.contains(NAMESPACE) ? boot.indexOf(NAMESPACE) : boot.length());
  }

  private static String askBoot() {
    if (ProcessTable.HAS_PROC) {
      try {
        return Files.readString(PROC.resolve("sys/kernel/random/boot_id")).strip()
            + NAMESPACE
            + Files.readSymbolicLink(PROC.resolve("self/ns/pid"));
      } catch (IOException hidden) {
        log.warn("/proc does not say which boot this is; processes go by their start", hidden);
        return "unknown";
      }
    }
    // macOS. Unlike kern.boottime it stays as it is when somebody sets the clock.
    return Commands.output(List.of("sysctl", "-n", "kern.bootsessionuuid"))
        .or(() -> Commands.output(List.of("sysctl", "-n", "kern.boottime")))
        .orElse("unknown");
  }
}
