// Durations and sizes as people read them, as restapi/layout/quantities.py writes them; but a duration that is counted on
// each second has no tenths.

const UNITS = [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]];

export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  for (const [unit, name, smaller, smallerName] of UNITS) {
    const rest = Math.floor(whole % unit / smaller);
    if (whole >= unit) return `${Math.floor(whole / unit)} ${name}${rest ? ` ${rest} ${smallerName}` : ""}`;
  }
  return `${whole} s`;
}

export function size(count) {
  if (count < 1000) return `${count} byte${count === 1 ? "" : "s"}`;
  let amount = count / 1000, power = 0;
  while (Math.round(amount) >= 1000 && power < 3) { amount /= 1000; power += 1 }
  return `${amount >= 1000 ? amount.toFixed(0) : Number(amount.toPrecision(3))} ${["kB", "MB", "GB", "TB"][power]}`;
}
