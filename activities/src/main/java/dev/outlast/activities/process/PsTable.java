package dev.outlast.activities.process;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * macOS: asked of {@code ps}, which Linux has too. A start is exact to the second, in seconds after
 * 1970.
 *
 * @param environments how this {@code ps} is told to show environments
 */
record PsTable(String environments) implements ProcessTable {

  /** On Linux {@code axeww} means the same. */
  static final String ENVIRONMENTS_ON_MACOS = "-axEww";

  private static final String FIELDS = "pid=,ppid=,pgid=,stat=,lstart=";

  // Of these, where a start as "Sat Nov 21 15:00:00 2026" takes five.
  private static final int STATE = 3;
  private static final int START = 4;
  private static final int END = 9;

  private static final DateTimeFormatter LSTART =
      DateTimeFormatter.ofPattern("EEE_MMM_d_HH:mm:ss_uuuu", Locale.ENGLISH);

  @Override
  public List<Entry> all() {
    return listed("-ax");
  }

  @Override
  public Optional<Entry> entry(long pid) {
    String both = ProcessHandle.current().pid() + "," + pid;
    return listed("-p", both).stream().filter(entry -> entry.pid() == pid).findFirst();
  }

  private static List<Entry> listed(String... which) {
    List<String> arguments = new ArrayList<>(List.of(which));
    arguments.addAll(List.of("-o", FIELDS));
    List<Entry> listed = new ArrayList<>();
    for (String line : ps(arguments).lines().toList()) {
      String[] fields = line.strip().split("\\s+");
      if (fields.length >= END && !fields[STATE].startsWith("Z")) {
        listed.add(
            new Entry(
                Long.parseLong(fields[0]),
                Long.parseLong(fields[1]),
                Long.parseLong(fields[2]),
                LocalDateTime.parse(
                        String.join("_", Arrays.asList(fields).subList(START, END)), LSTART)
                    .toEpochSecond(ZoneOffset.UTC)));
      }
    }
    return listed;
  }

  /** There is always something to list: at least the one who asks. */
  private static String ps(List<String> arguments) {
    List<String> command = new ArrayList<>(List.of("ps"));
    command.addAll(arguments);
    return Commands.output(command)
        .orElseThrow(
            () ->
                new UncheckedIOException(
                    new IOException("ps fails, or does not answer: no process can be seen")));
  }

  @Override
  public Set<Long> carriers(List<Entry> processes, String variable) {
    Set<Long> asked = new HashSet<>();
    processes.forEach(process -> asked.add(process.pid()));
    Set<Long> carriers = new HashSet<>();
    ps(List.of(environments, "-o", "pid=,command="))
        .lines()
        .filter(line -> (line + " ").contains(" " + variable + " "))
        .map(line -> Long.parseLong(line.strip().split("\\s+", 2)[0]))
        .filter(asked::contains)
        .forEach(carriers::add);
    return carriers;
  }

  @Override
  public long now() {
    return Instant.now().getEpochSecond();
  }

  @Override
  public String text(long started) {
    return Instant.ofEpochSecond(started).toString();
  }

  @Override
  public long started(String text) {
    try {
      return Instant.parse(text).getEpochSecond();
    } catch (DateTimeParseException ticks) {
      return Long.MAX_VALUE;
    }
  }

  @Override
  public String word(long started) {
    return LSTART.format(LocalDateTime.ofEpochSecond(started, 0, ZoneOffset.UTC));
  }
}
