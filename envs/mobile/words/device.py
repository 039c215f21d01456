"""Labels of the device and its apps in Chinese, by their English words."""

from collections.abc import Mapping

ZH_DEVICE: Mapping[str, str] = {
    "Add": "添加",
    "All apps": "所有应用",
    "Allow": "允许",
    "Back": "返回",
    "Cancel": "取消",
    "Clear": "清除",
    "Clear all": "全部清除",
    "Close": "关闭",
    "Copied": "已复制",
    "Copy": "复制",
    "Cut": "剪切",
    "Delete": "删除",
    "Deny": "拒绝",
    "Edit": "编辑",
    "Menu": "菜单",
    "No notifications": "没有通知",
    "No recent apps": "没有最近使用的应用",
    "Notifications": "通知",
    "OK": "确定",
    "Paste": "粘贴",
    "Recent apps": "最近使用的应用",
    "Save": "保存",
    "Saved": "已保存",
    "Search": "搜索",
    "Select all": "全选",
}
