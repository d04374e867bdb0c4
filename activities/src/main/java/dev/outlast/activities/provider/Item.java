package dev.outlast.activities.provider;

import dev.outlast.activities.process.PlainText;
import dev.outlast.agent.ItemKind;
import java.util.Locale;
import java.util.Objects;

/**
 * One thing that an agent did, in the same words for every kind of agent. Its texts are cleaned, so
 * that no terminal obeys them; Markdown in them is the agent's.
 *
 * @param id the same for all that is told of one item, and unique in its invocation
 * @param title on one line, at most {@link #MAX_TITLE} characters: the command, the file, the tool
 * @param text at most {@link #MAX_TEXT} characters: what was said, or what the tool gave
 * @param cut whether the text was longer
 * @param agent the id of the subagent, or of the tool call that started it; null for the agent
 *     itself
 */
public record Item(
    ItemKind kind, String id, String title, String text, boolean cut, Status status, String agent) {

  /** The longest title, in characters. */
  public static final int MAX_TITLE = 200;

  /** The longest text, in characters. */
  public static final int MAX_TEXT = 16 * 1024;

  private static final int MAX_ID = 200;

  /** How far an item is. */
  public enum Status {
    /** There will be more of it. */
    STARTED,
    COMPLETED,
    FAILED;

    /** The word for people and programs. */
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public Item {
    Objects.requireNonNull(kind, "kind");
    Objects.requireNonNull(status, "status");
    id = shown(id, MAX_ID);
    title = shown(title, MAX_TITLE);
    cut |= text != null && text.length() > MAX_TEXT;
    // What is taken out of a text may be much of it, but nobody needs to wait for megabytes.
    String some = text == null ? "" : PlainText.head(text, 4 * MAX_TEXT);
    text = PlainText.head(PlainText.clean(some), MAX_TEXT).strip();
    agent = agent == null || agent.isEmpty() ? null : shown(agent, MAX_ID);
  }

  private static String shown(String text, int max) {
    String some = text == null ? "" : PlainText.head(text, 4 * max);
    String line = PlainText.clean(some).replaceAll("\\s+", " ").strip();
    return line.length() <= max ? line : PlainText.head(line, max - 1) + "…";
  }

  /** The same, further on. */
  public Item with(Status next, String newText) {
    return new Item(kind, id, title, newText, false, next, agent);
  }
}
