-- For wrk: the request from the environment, and the result as one line of JSON (its own text lacks p99.9).
wrk.method = os.getenv("BENCH_METHOD") or "GET"
local bytes = tonumber(os.getenv("BENCH_BODY_BYTES") or "0")
if bytes > 0 then wrk.body = string.rep("b", bytes) end
local key = os.getenv("BENCH_API_KEY") or ""
if key ~= "" then wrk.headers["X-Api-Key"] = key end
local encoding = os.getenv("BENCH_ACCEPT_ENCODING") or ""
if encoding ~= "" then wrk.headers["Accept-Encoding"] = encoding end
if os.getenv("BENCH_CLOSE") == "1" then wrk.headers["Connection"] = "close" end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"completed":%d,"errors":%d,"seconds":%.6f,"bytes":%d,"latency":{"p50":%.4f,"p99":%.4f,"p999":%.4f,"max":%.4f}}\n',
    summary.requests, errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    summary.duration / 1e6, summary.bytes,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3, latency.max / 1e3))
end
