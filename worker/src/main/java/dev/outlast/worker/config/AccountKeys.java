package dev.outlast.worker.config;

import dev.outlast.activities.gate.Hours;
import dev.outlast.agent.AccountPolicy;
import dev.outlast.agent.OverageUse;
import dev.outlast.agent.ResumeWith;
import dev.outlast.limit.GateSettings;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tomlj.TomlTable;

/**
 * Reads the keys that say how accounts are kept. What a value cannot even be made of is refused
 * here, the rest by {@link AccountRules}.
 */
final class AccountKeys {

  /** How many hours of the week a list may hold. */
  static final int MAX_HOURS = 50;

  private static final String SHARE =
      "a share over 0 and at most 1, such as 0.95 for 95 %; 1 is for none";

  private final ConfigFile file;

  AccountKeys(ConfigFile file) {
    this.file = file;
  }

  /** How accounts are kept that say nothing else. */
  GateSettings limits(TomlTable table) {
    return new GateSettings(
        0,
        pauseAt(table, "limits", Map.of()),
        0,
        0,
        file.duration(table, "limits", "spread").orElse(null));
  }

  /** What runs do about money and large sessions. */
  AccountPolicy policy(TomlTable table) {
    return new AccountPolicy(
        file.word(table, "limits", "overage", OverageUse.class),
        file.word(table, "limits", "resume-with", ResumeWith.class),
        tokens(table, "limits", "handoff-above").orElse(AccountPolicy.DEFAULT_HANDOFF_ABOVE));
  }

  /**
   * How one account is kept.
   *
   * @param usual where it says nothing
   */
  GateSettings account(TomlTable table, String key, GateSettings usual) {
    return new GateSettings(
        maxAgents(table, key),
        pauseAt(table, key, usual.pauseAt()),
        cost(table, key),
        tokens(table, key, "day-tokens").orElse(0L),
        file.duration(table, key, "spread").orElse(usual.spread()));
  }

  /** Hours of the week; those that cannot be read are told one by one. */
  Hours hours(TomlTable table, String parent, String key) {
    List<String> texts = file.texts(table, parent, key).orElse(List.of());
    if (texts.size() > MAX_HOURS) {
      file.problem(
          parent + "." + key, "got a list of " + texts.size() + "; expected at most " + MAX_HOURS);
      return Hours.NONE;
    }
    List<String> read = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      String text = texts.get(i);
      try {
        Hours.of(List.of(text));
        read.add(text);
      } catch (IllegalArgumentException e) {
        file.problem(
            file.asInFile(parent + "." + key + "[" + i + "]"),
            "got " + ConfigRules.shown(text) + "; expected " + Hours.EXPECTED);
      }
    }
    return Hours.of(read);
  }

  private int maxAgents(TomlTable table, String key) {
    Optional<Integer> read = file.number(table, key, "max-agents");
    if (read.isPresent() && read.get() < 1) {
      file.problem(
          key + ".max-agents",
          "got "
              + read.get()
              + "; expected a whole number from 1 to "
              + ConfigRules.MAX_AGENTS
              + "; leave it out for no bound");
      return 0;
    }
    return read.orElse(0);
  }

  private double cost(TomlTable table, String key) {
    Optional<Number> read = file.value(table, key, "day-cost-usd", Number.class, "a number");
    if (read.isPresent() && !(read.get().doubleValue() > 0)) {
      file.problem(
          key + ".day-cost-usd",
          "got " + read.get() + "; expected more than 0; leave it out for no bound");
      return 0;
    }
    return read.map(Number::doubleValue).orElse(0.0);
  }

  private Optional<Long> tokens(TomlTable table, String parent, String key) {
    return file.parsed(table, parent, key, Long.class, TokenCount::parse, TokenCount.EXPECTED);
  }

  /** One share for every window, or a table of shares by the names of windows. */
  private Map<String, Double> pauseAt(
      TomlTable table, String parent, Map<String, Double> inherited) {
    Object value = table.get(List.of("pause-at"));
    if (value == null) {
      return inherited;
    }
    String path = file.at(table, parent, "pause-at");
    if (!(value instanceof TomlTable byWindow)) {
      return share(path, value)
          .map(share -> Map.of(GateSettings.ANY_WINDOW, share))
          .orElse(inherited);
    }
    Map<String, Double> shares = new HashMap<>(inherited);
    for (String window : byWindow.keySet()) {
      share(file.at(byWindow, path, window), byWindow.get(List.of(window)))
          .ifPresent(share -> shares.put(window, share));
    }
    return shares;
  }

  private Optional<Double> share(String path, Object value) {
    if (value instanceof Number number && number.doubleValue() > 0 && number.doubleValue() <= 1) {
      return Optional.of(number.doubleValue());
    }
    file.problem(path, "got " + ConfigRules.shown(value) + "; expected " + SHARE);
    return Optional.empty();
  }
}
