package dev.outlast.activities.provider;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.process.OutputLine;
import java.time.Instant;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Predicate;

/**
 * The records, one JSON object a line, among the lines of an agent's standard output, and the tail
 * of the plain lines beside them. Not thread-safe.
 */
public final class Records {

  private static final int MAX_PLAIN = 64 * 1024;

  private final Predicate<String> settled;
  private final BiConsumer<JsonNode, Instant> sink;
  private final LineTail plain = new LineTail(MAX_PLAIN);
  private boolean any;
  private boolean cut;

  /**
   * @param sink is given each record and when it was read
   */
  public Records(BiConsumer<JsonNode, Instant> sink) {
    this(type -> false, sink);
  }

  /**
   * @param settled whether a record of this type cannot tell anything now that is not known
   *     already; such records are not parsed. Asked anew for each record. Some records are given to
   *     the sink all the same: the first one, those that do not begin with their type, and those in
   *     arrays.
   * @param sink is given each other record and when it was read
   */
  public Records(Predicate<String> settled, BiConsumer<JsonNode, Instant> sink) {
    this.settled = settled;
    this.sink = sink;
  }

  /** Takes a line. An array of records is taken apart. */
  public void line(OutputLine line, Instant readAt) {
    if (any && settled(line, settled)) {
      return;
    }
    JsonNode node = Json.read(line);
    if (node.isMissingNode()) {
      if (!Json.beginsAsJson(line.bytes())) {
        plain.add(line, readAt);
      } else if (line.cut()) {
        cut = true;
        any = true;
      }
    } else if (node.isArray()) {
      any = true;
      node.forEach(element -> sink.accept(element, readAt));
    } else {
      any = true;
      sink.accept(node, readAt);
    }
  }

  /**
   * Whether a line is a record that need not be parsed; if it is no record, a parser would not take
   * it either.
   *
   * @param settled whether a record of this type cannot tell anything that is not known already
   */
  public static boolean settled(OutputLine line, Predicate<String> settled) {
    if (line.cut()) {
      return false;
    }
    Optional<RecordType> type = RecordType.of(line.bytes());
    return type.isPresent() && settled.test(type.get().name()) && type.get().only();
  }

  /** Whether there was any record. */
  public boolean any() {
    return any;
  }

  /** Whether a record was too long to be read. */
  public boolean cut() {
    return cut;
  }

  /** The last of the lines that were no records. */
  public LineTail plain() {
    return plain;
  }
}
