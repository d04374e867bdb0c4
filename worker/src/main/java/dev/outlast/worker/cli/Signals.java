package dev.outlast.worker.cli;

import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.function.IntConsumer;

/**
 * Hears of signals. A shutdown hook would not do: once it runs, the JVM ignores a second signal.
 * The class that the JDK has for this is not part of its promised API, hence the reflection.
 */
final class Signals {

  private static final Map<String, Integer> EXIT_CODES =
      Map.of("TERM", ExitCode.DONE, "HUP", ExitCode.DONE, "INT", ExitCode.INTERRUPTED);

  private Signals() {}

  /**
   * Calls the handler at every SIGTERM, SIGHUP (the terminal was closed) and SIGINT with the exit
   * code for it, in place of what the JVM would do. Where the JVM offers no signals, nothing
   * changes.
   */
  static void handle(IntConsumer handler) {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> listener = Class.forName("sun.misc.SignalHandler");
      for (Map.Entry<String, Integer> each : EXIT_CODES.entrySet()) {
        Object proxy =
            Proxy.newProxyInstance(
                Signals.class.getClassLoader(),
                new Class<?>[] {listener},
                (self, method, args) -> {
                  if (method.getName().equals("handle")) {
                    handler.accept(each.getValue());
                    return null;
                  }
                  return switch (method.getName()) {
                    case "hashCode" -> System.identityHashCode(self);
                    case "equals" -> self == args[0];
                    default -> "outlast signal handler";
                  };
                });
        Object which = signal.getConstructor(String.class).newInstance(each.getKey());
        signal.getMethod("handle", signal, listener).invoke(null, which, proxy);
      }
    } catch (ReflectiveOperationException e) {
      org.slf4j.LoggerFactory.getLogger(Signals.class)
          .warn("Signals cannot be heard, so the worker ends without a drain", e);
    }
  }
}
