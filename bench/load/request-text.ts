export function requestText(host: string, path = '/'): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: lb-bench\r\nAccept: */*\r\n\r\n`
}
