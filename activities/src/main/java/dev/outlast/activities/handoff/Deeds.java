package dev.outlast.activities.handoff;

import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.Item;
import dev.outlast.agent.ItemKind;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What was done in a turn: all of it counted, and the newest by name. Keeps a bounded part,
 * whatever there is of it.
 */
final class Deeds {

  /** How many are kept by name. More than these cannot be open at once. */
  static final int MAX_KEPT = 1_000;

  /** How many of the agent's messages are kept. */
  static final int MAX_WORDS = 3;

  /** How much of what a failed tool gave is kept, in characters. */
  static final int MAX_TOLD = 160;

  /** What was done, and what came of it. */
  private record Deed(ItemKind kind, String title, Item.Status status, String told) {

    static Deed of(Item item) {
      return new Deed(
          item.kind(),
          item.title(),
          item.status(),
          item.status() == Item.Status.FAILED ? lastLine(item.text()) : "");
    }

    private static String lastLine(String text) {
      String last = text.lines().filter(line -> !line.isBlank()).reduce("", (a, b) -> b).strip();
      return PlainText.head(last, MAX_TOLD);
    }

    @Override
    public String toString() {
      return title
          + switch (status) {
            case STARTED -> " [not ended]";
            case FAILED -> " [failed" + (told.isEmpty() ? "]" : ": " + told + "]");
            case COMPLETED -> " [ok]";
          };
    }
  }

  /** How many there were of a kind. */
  private record Count(int all, int failed, int open) {
    private static final Count NONE = new Count(0, 0, 0);

    Count plus(Deed deed) {
      return new Count(
          all + 1,
          failed + (deed.status() == Item.Status.FAILED ? 1 : 0),
          open + (deed.status() == Item.Status.STARTED ? 1 : 0));
    }
  }

  private final Map<String, Deed> kept = new LinkedHashMap<>();
  private final Map<ItemKind, Count> forgotten = new EnumMap<>(ItemKind.class);
  private final Map<String, String> words = new LinkedHashMap<>();
  private String plan = "";
  private String planItem = "";
  private int attempt;

  /** Another process begins, whose items have ids of their own. */
  void nextAttempt() {
    attempt++;
  }

  void item(Item item) {
    String id = attempt + ":" + item.id();
    switch (item.kind()) {
      case MESSAGE -> message(id, item);
      case PLAN -> plan(id, item);
      case COMMAND_EXECUTION, FILE_CHANGE, TOOL_CALL -> deed(id, Deed.of(item));
      case REASONING, ERROR -> {
        // What was thought is not what was done; how it ended is told by the outcome.
      }
    }
  }

  private void message(String id, Item item) {
    if (item.agent() == null) {
      words.remove(id);
      words.put(id, item.text());
      if (words.size() > MAX_WORDS) {
        words.remove(words.keySet().iterator().next());
      }
    }
  }

  /** What a tool was told is the plan; what it gives is not, unless nothing else is known. */
  private void plan(String id, Item item) {
    boolean told = item.status() == Item.Status.STARTED || !id.equals(planItem);
    if (told && !item.text().isBlank()) {
      plan = item.text();
      planItem = id;
    }
  }

  private void deed(String id, Deed deed) {
    kept.put(id, deed);
    if (kept.size() > MAX_KEPT) {
      Deed oldest = kept.remove(kept.keySet().iterator().next());
      forgotten.merge(oldest.kind(), Count.NONE.plus(oldest), (all, one) -> all.plus(oldest));
    }
  }

  boolean any() {
    return !kept.isEmpty() || !words.isEmpty() || !plan.isEmpty();
  }

  /** How many there were of each kind, in words. */
  String counted() {
    Map<ItemKind, Count> counts = new EnumMap<>(forgotten);
    kept.values()
        .forEach(
            deed ->
                counts.put(deed.kind(), counts.getOrDefault(deed.kind(), Count.NONE).plus(deed)));
    List<String> parts = new ArrayList<>();
    add(parts, counts.get(ItemKind.COMMAND_EXECUTION), "command", "commands");
    add(parts, counts.get(ItemKind.FILE_CHANGE), "change of files", "changes of files");
    add(parts, counts.get(ItemKind.TOOL_CALL), "other use of a tool", "other uses of tools");
    return parts.isEmpty() ? "nothing" : String.join(", ", parts);
  }

  private static void add(List<String> parts, Count count, String one, String many) {
    if (count != null) {
      List<String> odd = new ArrayList<>();
      if (count.failed() > 0) {
        odd.add(count.failed() + " failed");
      }
      if (count.open() > 0) {
        odd.add(count.open() + " not ended");
      }
      parts.add(
          count.all()
              + " "
              + (count.all() == 1 ? one : many)
              + (odd.isEmpty() ? "" : " (" + String.join(", ", odd) + ")"));
    }
  }

  /** The plan that was last written down; none or one. */
  List<String> plan() {
    return plan.isEmpty() ? List.of() : List.of(plan);
  }

  /** The agent's last messages, the newest first. */
  List<String> words() {
    return newestFirst(words.values());
  }

  List<String> commands() {
    return named(ItemKind.COMMAND_EXECUTION);
  }

  List<String> changes() {
    return named(ItemKind.FILE_CHANGE);
  }

  List<String> tools() {
    return named(ItemKind.TOOL_CALL);
  }

  /** The newest first; what was done alike several times is named once. */
  private List<String> named(ItemKind kind) {
    return newestFirst(
        kept.values().stream()
            .filter(deed -> deed.kind() == kind && !deed.title().isEmpty())
            .map(Deed::toString)
            .toList());
  }

  private static List<String> newestFirst(Iterable<String> texts) {
    List<String> all = new ArrayList<>();
    texts.forEach(text -> all.add(0, text));
    Set<String> once = new LinkedHashSet<>(all);
    return List.copyOf(once);
  }
}
