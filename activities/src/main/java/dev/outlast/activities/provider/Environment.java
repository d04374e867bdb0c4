package dev.outlast.activities.provider;

import java.util.List;
import java.util.stream.Stream;

/** The names of environment variables that agents of every kind need. */
public final class Environment {

  /** Found by every program; no secrets but the way to an SSH agent. */
  public static final List<String> COMMON =
      List.of(
          "PATH",
          "HOME",
          "USER",
          "LOGNAME",
          "SHELL",
          "LANG",
          "LC_*",
          "TMPDIR",
          "TERM",
          "XDG_*",
          "SSH_AUTH_SOCK",
          "HTTP_PROXY",
          "HTTPS_PROXY",
          "NO_PROXY",
          "ALL_PROXY",
          "http_proxy",
          "https_proxy",
          "no_proxy",
          "all_proxy");

  private Environment() {}

  /** The common names and these. */
  public static List<String> commonAnd(String... names) {
    return Stream.concat(COMMON.stream(), Stream.of(names)).toList();
  }

  /** Whether a list of names, which may end in {@code *}, allows this one. */
  public static boolean allows(List<String> names, String name) {
    return names.stream()
        .anyMatch(
            allowed ->
                allowed.endsWith("*")
                    ? name.startsWith(allowed.substring(0, allowed.length() - 1))
                    : name.equals(allowed));
  }
}
