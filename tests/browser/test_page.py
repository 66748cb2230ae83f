"""The page in a real browser: what a click shows, what the keyboard reaches, what is seen in light, dark and print."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.state import HostState
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.reviewed import Planned
from ansible_collections.gatehouse.firewall.tests.browser.chromium import requests, show
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import good
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.pages import page_of
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By

THEMES = ("light", "dark")
SIZES = (1400, 420)
# WCAG 2.2, 1.4.3: of text that is not large.
LEAST_CONTRAST = 4.5

# Each text that is seen: its words, its colour, and that of what is behind it.
COLOURS = """
const behind = (element) => {
  for (let one = element; one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    if (colour !== "rgba(0, 0, 0, 0)") return colour;
  }
  return "none";
};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
while (texts.nextNode()) {
  const words = texts.currentNode.data, element = texts.currentNode.parentElement, style = getComputedStyle(element);
  const silent = ["STYLE", "TITLE", "SCRIPT"].includes(element.nodeName.toUpperCase());
  if (!words.trim() || silent || !element.checkVisibility()) continue;
  found.push([words, element.closest("svg") ? style.fill : style.color, behind(element)]);
}
return found;
"""

PLACES = "return [...document.querySelectorAll(arguments[0])].map((link) => link.getAttribute('href'))"


@pytest.fixture
def opened(browser, report):
    """Open the page as somebody has it who wants it light."""
    show(browser, report)
    return browser


def one(browser, selector):
    return browser.find_element(By.CSS_SELECTOR, selector)


def texts(browser, selector):
    return [element.text for element in browser.find_elements(By.CSS_SELECTOR, selector)]


def cell(browser, sender, receiver):
    return one(browser, f'.matrix a[aria-label^="{sender} to {receiver}: "]')


def opacity(browser, selector):
    return float(one(browser, selector).value_of_css_property("stroke-opacity"))


def test_a_click_on_a_cell_shows_its_ports_and_the_reason_and_the_page_stays_where_it_is(opened):
    link = cell(opened, "k8s_node", "external_vm")
    opened.execute_script("arguments[0].scrollIntoView({block: 'center'})", link)
    before = opened.execute_script("return scrollY")
    assert not opened.find_elements(By.CSS_SELECTOR, ".card:target")

    link.click()
    card = one(opened, ".card:target")
    assert card.text.splitlines()[:3] == ["Close", "k8s_node to external_vm", "22/tcp 2376/tcp"]
    assert "k8s_to_vm" in card.text
    assert "VM service prepares job VMs over SSH and Docker" in card.text
    assert card.value_of_css_property("position") == "fixed"
    assert opened.execute_script("return scrollY") == before

    one(opened, ".card:target .close").click()
    assert not opened.find_elements(By.CSS_SELECTOR, ".card:target")
    assert opened.execute_script("return scrollY") == before


@pytest.mark.parametrize(
    ("asked", "pairs"),
    [
        ("2376", ["k8s_node to external_vm", "nomad_client to external_vm", "k8s_node to k8s_node"]),
        ("30080", ["load_balancer to k8s_node", "k8s_node to k8s_node"]),
        ("monitoring balancer", ["monitoring to load_balancer"]),
        ("NoMad 4647", ["nomad_client to load_balancer", "k8s_node to nomad_client"]),
        ("198.51.100.22", []),
        ("66", ["k8s_node to k8s_node"]),
        ("<b>", []),
    ],
)
def test_the_box_finds_ports_also_inside_of_ranges_and_words(opened, asked, pairs):
    ActionChains(opened).send_keys("/").send_keys(asked).perform()

    titles = [words.split("\n")[0] for words in texts(opened, ".find li")]
    assert [title for title in titles if " to " in title] == pairs
    assert len(opened.find_elements(By.CSS_SELECTOR, ".matrix td a.found")) == len(pairs)


def test_the_box_finds_a_host_by_its_address_and_leads_to_it(opened):
    ActionChains(opened).send_keys("/").send_keys("198.51.100.22").send_keys(Keys.ENTER).perform()

    assert one(opened, ":target").text == "nomad2"
    assert texts(opened, ".find li") == []


def test_escape_clears_the_box_and_closes_what_is_in_front(opened):
    ActionChains(opened).send_keys("/").send_keys("2376").send_keys(Keys.ENTER).perform()
    assert one(opened, ".card:target h3").text == "k8s_node to external_vm"

    ActionChains(opened).send_keys(Keys.ESCAPE).send_keys(Keys.ESCAPE).perform()
    assert not opened.find_elements(By.CSS_SELECTOR, ".card:target, .found, .finding")


def test_a_name_under_the_pointer_puts_the_lines_of_others_back(opened):
    own, other = '.line[href="#pair-17"] path', '.line[href="#pair-0"] path'
    assert opacity(opened, own) == opacity(opened, other) > 0.3
    name = next(one for one in opened.find_elements(By.CSS_SELECTOR, ".name") if one.text == "k8s_node")

    ActionChains(opened).move_to_element(name).perform()
    assert (opacity(opened, own), opacity(opened, other) < 0.1) == (1, True)


def test_the_keyboard_reaches_every_name_and_every_cell_and_sees_where_it_is(opened):
    places = {link: opened.execute_script(PLACES, link) for link in (".picture .name", ".matrix td a")}
    reached, outlines = [], set()
    while len(reached) < 150:
        ActionChains(opened).send_keys(Keys.TAB).perform()
        reached.append(opened.execute_script("return document.activeElement.getAttribute('href')"))
        outlines.add(opened.switch_to.active_element.value_of_css_property("outline-style"))

    assert [len(links) for links in places.values()] == [15, 23]
    assert {link for links in places.values() for link in links} <= set(reached)
    assert outlines == {"solid"}


def test_without_its_script_the_page_leads_to_reasons_and_offers_no_box(browser, report):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        show(browser, report)
        box = one(browser, ".find")
        cell(browser, "k8s_node", "dns").click()
        assert "name_resolution" in one(browser, ".card:target").text
        assert not box.is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_nothing_is_asked_of_any_network_and_nothing_goes_wrong(browser, report):
    browser.get_log("browser")
    show(browser, report)
    ActionChains(browser).send_keys("/").send_keys("22").send_keys(Keys.ENTER).perform()

    assert [url for url in requests(browser) if not url.startswith("data:")] == [report.as_uri()]
    assert browser.get_log("browser") == []


@pytest.mark.parametrize(
    "attempt",
    [
        "document.body.append(Object.assign(new Image(), {src: 'https://192.0.2.1/picture.png'}))",
        "fetch('https://192.0.2.1/').catch(() => 0)",
        "document.body.append(Object.assign(document.createElement('script'), {text: 'document.title = 1'}))",
    ],
    ids=["picture", "fetch", "script"],
)
def test_the_browser_is_told_to_load_nothing_and_to_run_nothing_else(opened, attempt):
    opened.get_log("browser")
    opened.execute_script(attempt)
    opened.execute_async_script("setTimeout(arguments[0], 200)")

    assert opened.title == "Who reaches whom"
    assert [entry for entry in opened.get_log("browser") if "Content Security Policy" in entry["message"]]


@pytest.mark.parametrize("width", SIZES)
@pytest.mark.parametrize("theme", THEMES)
def test_every_text_can_be_read(browser, report, theme, width):
    show(browser, report, theme=theme, width=width)
    cell(browser, "k8s_node", "external_vm").send_keys(Keys.ENTER)
    found = browser.execute_script(COLOURS)

    assert len(found) > 300
    assert any("VM service prepares" in words for words, _colour, _behind in found)
    assert {row[0]: contrast(*row[1:]) for row in found if contrast(*row[1:]) < LEAST_CONTRAST} == {}
    assert len({behind for _words, _colour, behind in found}) > 1


@pytest.mark.parametrize("theme", THEMES)
def test_what_hosts_say_and_what_would_change_can_be_read_and_is_seen_first(browser, tmp_path, theme):
    live = {"web1": HostState("web1", findings=("added: a rule",)), "db1": HostState("db1", silence="not reached")}
    plan = {"web1": Planned("web", True, ("ingress office",), ("ingress scrape",))}
    file = tmp_path / "plan.html"
    file.write_text(page_of(good(), live=live, plan=plan), encoding="utf-8")
    show(browser, file, theme=theme)
    found = browser.execute_script(COLOURS)

    assert texts(browser, "h2")[:3] == ["What would change", "What the hosts say", "Picture"]
    assert {"added: a rule", "not reached", " ingress scrape", "+"} < {row[0] for row in found}
    assert {row[0]: contrast(*row[1:]) for row in found if contrast(*row[1:]) < LEAST_CONTRAST} == {}
    assert one(browser, "ins b").value_of_css_property("color") != one(browser, "del b").value_of_css_property("color")


@pytest.mark.parametrize("theme", THEMES)
def test_a_theme_is_as_light_as_it_is_called(browser, report, theme):
    show(browser, report, theme=theme)
    body = one(browser, "body").value_of_css_property("background-color")

    assert (luminance(body) > 0.5) is (theme == "light")


@pytest.mark.parametrize("width", SIZES)
def test_no_page_is_wider_than_its_window(browser, report, width):
    show(browser, report, width=width)

    assert browser.execute_script("return document.documentElement.scrollWidth") == width


def test_the_matrix_keeps_its_heads_in_sight(browser, report):
    show(browser, report, width=420, height=300)
    box, head, side = (
        one(browser, ".tall"),
        one(browser, ".matrix thead th:last-child"),
        one(browser, ".matrix tbody th"),
    )
    browser.execute_script("arguments[0].scrollIntoView(); arguments[0].scrollTo(150, 60)", box)

    assert browser.execute_script("return arguments[0].scrollTop > 30 && arguments[0].scrollLeft > 100", box)
    assert abs(head.rect["y"] - box.rect["y"]) <= 1
    assert abs(side.rect["x"] - box.rect["x"]) <= 1


def test_paper_is_white_has_every_pair_and_nothing_to_press(browser, report):
    show(browser, report, theme="dark")
    cell(browser, "k8s_node", "external_vm").send_keys(Keys.ENTER)
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": dark})

    assert luminance(one(browser, "body").value_of_css_property("background-color")) > 0.9
    assert not [row for row in browser.execute_script(COLOURS) if contrast(*row[1:]) < LEAST_CONTRAST]
    assert [one(browser, name).is_displayed() for name in ("nav", ".card:target .close", ".card:target")] == [
        False,
        False,
        True,
    ]
    assert one(browser, ".card:target").value_of_css_property("position") == "static"
    written = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert written.startswith(b"%PDF")


def contrast(first, second):
    """Return the contrast of two colours as WCAG has it, 1 to 21."""
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour):
    parts = [float(part) / 255 for part in colour.partition("(")[2].rstrip(")").split(",")[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
